import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rwsc.errors import ObjectExists, StorageError
from rwsc.storage import local
from rwsc.storage.local import LocalFolder, whole_file
from rwsc.storage.prefix import Prefix

KILLED_WRITER = """
import os, sys
from pathlib import Path
from rwsc.storage.local import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half of it")
    file.flush()
    os._exit(9)
"""

BUSY_WRITER = """
import sys
from rwsc.storage.prefix import Prefix
for _ in range(60):
    Prefix(sys.argv[1]).write("same", sys.argv[2].encode() * 400_000)
"""


def parts_in(folder):
    return [path.name for path in folder.rglob(".rwsc-part-*")]


@pytest.mark.parametrize("name", ["a b#1%20ü.png", "tmp#7", "x\\y"])
def test_files_stand_under_their_plain_names(tmp_path, name):
    Prefix(str(tmp_path)).write(f"sub/{name}", b"1")
    assert [path.name for path in (tmp_path / "sub").iterdir()] == [name]
    (tmp_path / "sub" / "by another#3").write_bytes(b"2")
    assert Prefix(str(tmp_path)).read("sub/by another#3") == b"2"
    assert "sub/by another#3" in set(Prefix(str(tmp_path)).list_keys())


@pytest.mark.parametrize("older", [None, b"older"])
def test_a_writer_killed_half_way_leaves_no_object(tmp_path, older):
    target = tmp_path / "images" / "a.png"
    if older is not None:
        target.parent.mkdir()
        target.write_bytes(older)
    done = subprocess.run([sys.executable, "-c", KILLED_WRITER, str(target)], check=False)
    assert done.returncode == 9
    assert len(parts_in(tmp_path)) == 1
    store = Prefix(str(tmp_path))
    assert list(store.list_keys()) == ([] if older is None else ["images/a.png"])
    assert store.exists("images/a.png") == (older is not None)
    store.write("images/a.png", b"whole")
    assert store.read("images/a.png") == b"whole"


def test_a_sweep_takes_what_killed_writers_left_and_leaves_those_at_work(tmp_path):
    store = Prefix(str(tmp_path))
    store.write("images/kept.png", b"1")
    with whole_file(tmp_path / "images" / "at-work.png") as file:
        file.write(b"first half, ")
        subprocess.run([sys.executable, "-c", KILLED_WRITER, str(tmp_path / "images" / "a.png")], check=False)
        assert len(parts_in(tmp_path)) == 2
        store.sweep()  # of another folder
        assert len(parts_in(tmp_path)) == 2
        store.sweep("images")
        assert len(parts_in(tmp_path)) == 1
        file.write(b"second half")
    assert store.read("images/at-work.png") == b"first half, second half"
    assert parts_in(tmp_path) == []
    assert store.read("images/kept.png") == b"1"
    store.sweep("no such folder")


def test_a_writer_is_not_swept_away_between_its_last_byte_and_its_name(tmp_path, monkeypatch):
    publish = Path.replace

    def sweep_and_publish(part, target):
        Prefix(str(tmp_path)).sweep()
        return publish(part, target)

    monkeypatch.setattr(Path, "replace", sweep_and_publish)
    Prefix(str(tmp_path)).write("a", b"1")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"1"]


def test_a_writer_that_is_swept_before_it_is_locked_begins_again(tmp_path, monkeypatch):
    lock, swept = local._lock, []

    def sweep_and_lock(part):
        if not swept:
            swept.append(part.name)
            Prefix(str(tmp_path)).sweep()
        return lock(part)

    monkeypatch.setattr(local, "_lock", sweep_and_lock)
    Prefix(str(tmp_path)).write("a", b"1")
    assert swept
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"1"]


def test_an_exception_leaves_nothing_behind(tmp_path):
    def write_half():
        with whole_file(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_reader_among_many_writers_sees_whole_files_only(tmp_path):
    uri = str(tmp_path)
    Prefix(uri).write("same", b"a" * 400_000)
    writers = [subprocess.Popen([sys.executable, "-c", BUSY_WRITER, uri, letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        data = Prefix(uri).read("same")
        assert len(data) == 400_000
        seen.add(len(set(data)))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == {1}
    assert list(Prefix(uri).list_keys()) == ["same"]
    assert parts_in(tmp_path) == []


@pytest.mark.parametrize("no_links", [errno.EPERM, errno.ENOTSUP])
def test_without_hard_links_the_first_writer_still_wins(tmp_path, monkeypatch, no_links):
    def refuse(self, target):
        raise OSError(no_links, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    store = LocalFolder(str(tmp_path))
    store.write("a", b"first", overwrite=False)
    with pytest.raises(ObjectExists):
        store.write("a", b"second", overwrite=False)
    assert store.read("a") == b"first"
    assert parts_in(tmp_path) == []


def test_listing_is_in_the_order_of_whole_names(tmp_path):
    store = LocalFolder(str(tmp_path))
    for key in ["b/z", "b.png", "b-1/x", "a", "c"]:
        store.write(key, b"", overwrite=True)
    assert list(store.list_keys("")) == sorted(["b/z", "b.png", "b-1/x", "a", "c"])


def test_links_are_followed_but_not_in_circles(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"1")
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "deep" / "up").symlink_to(root)
    (root / "deep" / "self").symlink_to(root / "deep")
    (root / "lost.png").symlink_to(tmp_path / "nowhere.png")
    assert list(Prefix(str(root)).list_keys()) == ["linked/a.png", "lost.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipes_are_no_objects(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert list(Prefix(str(tmp_path)).list_keys()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_no_text_is_told_with_a_way_out(tmp_path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb5\xb6.png"))).write_bytes(b"1")
    with pytest.raises(StorageError, match="is not UTF-8") as caught:
        Prefix(str(tmp_path)).look_into()
    assert "convmv" in caught.value.remedy
    caught.value.message.encode()


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_what_is_named_in_no_text_is_listed_spelled_out_and_under_no_address(tmp_path):
    store = Prefix(str(tmp_path))
    (tmp_path / os.fsdecode(b"b\xb5\xb6")).mkdir()
    for name in (b"a.png", b"b\xb5\xb6/x.png", b"\xd5\xd5\xcf\xf3 \xb5.png", "安检.png".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(b"1")
    keys = list(store.list_keys())
    assert keys == ["\x1a\\xd5\\xd5\\xcf\\xf3 \x1a\\xb5.png", "a.png", "b\x1a\\xb5\\xb6/x.png", "安检.png"]
    assert keys == sorted(keys)
    for key in (keys[0], keys[2]):
        with pytest.raises(StorageError, match="holds characters that not every store can name"):
            store.uri_of(key)


def test_a_file_where_a_folder_is_expected_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    store = Prefix(str(tmp_path / "file"))
    for call in (
        store.check_writable,
        store.check_readable,
        lambda: list(store.list_keys()),
        lambda: store.write("a/b", b""),
        lambda: store.read("a"),
    ):
        with pytest.raises(StorageError, match="a file stands where a folder is expected"):
            call()


def test_a_folder_where_a_file_is_expected_is_told(tmp_path):
    (tmp_path / "folder").mkdir()
    for call in (lambda store: store.read("folder"), lambda store: store.write("folder", b"")):
        with pytest.raises(StorageError, match="a folder stands where a file is expected"):
            call(Prefix(str(tmp_path)))
    assert parts_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is there on Linux only")
def test_a_place_nobody_may_write_is_told(tmp_path):
    with pytest.raises(StorageError, match="cannot write to /proc/") as caught:
        Prefix("/proc/1/rwsc").check_writable()
    assert "\n" not in caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_rights_is_told(tmp_path):
    (tmp_path / "shut").mkdir(mode=0)
    with pytest.raises(StorageError, match="permission denied"):
        Prefix(str(tmp_path / "shut")).check_writable()


def test_a_name_too_long_is_told(tmp_path):
    with pytest.raises(StorageError, match="the name is too long"):
        Prefix(str(tmp_path)).write("a" * 300, b"")
    Prefix(str(tmp_path)).write("a" * 255, b"1")
    assert list(Prefix(str(tmp_path)).list_keys()) == ["a" * 255]
    assert parts_in(tmp_path) == []


def test_new_files_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        Prefix(str(tmp_path)).write("a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
