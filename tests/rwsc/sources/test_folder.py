import pytest

from rwsc.errors import SourceError
from rwsc.sources.folder import read_folder


def test_images_are_sorted_harmless_and_free_of_litter(tmp_path):
    for name in [
        "b.png",
        "a.tiff",
        "sub/c.jpeg",
        "._a.png",
        "__MACOSX/a.png",
        ".hidden/a.png",
        "Thumbs.db",
        "a.csv",
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    scans = list(read_folder(str(tmp_path)))
    assert [scan.uri.removeprefix(f"{tmp_path}/") for scan in scans] == ["a.tiff", "b.png", "sub/c.jpeg"]
    assert {scan.kind for scan in scans} == {"benign"}


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "readme.md").write_text("")
    with pytest.raises(SourceError, match="no images below"):
        read_folder(str(tmp_path))
