import pytest

from rwsc.errors import AccessDenied
from rwsc.sources.tree import (
    MAX_ANNOTATION_BYTES,
    SourceTree,
    is_image_key,
    is_litter,
    list_tree,
    on_one_line,
    stem_of,
)
from rwsc.storage.prefix import Prefix

KEYS = [
    "readme.txt", "b.PNG", "a.jpg", "train/Image/x.jpg", "train/Image/x.png", "train/Image/y.tiff",
    "train/Image.old/z.jpg", "train/notes.TXT", "Trainer/q.jpg", "empty name/a b.png",
    "__MACOSX/train/x.jpg", "train/._x.jpg", "train/Thumbs.db", ".git/config",
]  # fmt: skip


@pytest.fixture
def tree(store_uri):
    root = Prefix(store_uri)
    for key in KEYS:
        root.write(key, key.encode())
    return list_tree(root)


def test_files_are_listed_once_and_litter_is_counted(tree):
    assert sorted(tree.walk()) == sorted(KEYS[:10])
    assert tree.num_litter == 4
    assert tree.folders() == ["Trainer", "empty name", "train"]
    assert tree.folders("train") == ["Image", "Image.old"]
    assert tree.folders("nowhere") == []


def test_a_walk_is_sorted_by_folder_and_keeps_to_its_folder(tree):
    assert list(tree.walk("train/Image")) == ["train/Image/x.jpg", "train/Image/x.png", "train/Image/y.tiff"]
    assert list(tree.walk("train", [".txt"])) == ["train/notes.TXT"]
    assert list(tree.walk("tra")) == []


def test_images_are_told_by_their_endings_whatever_the_case(tree):
    assert tree.images() == ["a.jpg", "b.PNG"]
    assert tree.images("train") == []
    assert tree.files("train", [".txt"]) == ["notes.TXT"]
    assert tree.files("nowhere") == []


def test_files_and_folders_are_looked_up(tree):
    assert tree.has("train/Image/x.png")
    for key in ("train/Image/X.png", "train/Image", "train/Image/", "train/._x.jpg", "", "zzz"):
        assert not tree.has(key), key
    assert tree.has_folder("train/Image")
    assert not tree.has_folder("train/image")
    assert tree.find_folder("images", "IMAGE", under="train") == "train/Image"
    assert tree.find_folder("TRAIN") == "train"
    assert tree.find_folder("image") is None
    assert tree.find_file("README.TXT") == "readme.txt"
    assert tree.find_file("a b.PNG", under="empty name") == "empty name/a b.png"
    assert tree.find_file("nothing.txt") is None


def test_files_are_found_by_their_stems(tree):
    assert tree.by_stem("train/Image", [".jpg", ".png", ".tiff"]) == {
        "x": "train/Image/x.jpg",
        "y": "train/Image/y.tiff",
    }
    assert stem_of("a/b.c/d.e.png") == "d.e"


def test_what_is_found_is_read_and_addressed(tree, store_uri):
    assert tree.read("train/Image/x.png") == b"train/Image/x.png"
    assert tree.uri_of("train/Image/x.png") == f"{store_uri}/train/Image/x.png"
    for key in ("../x", "/etc/passwd", "a//b", ""):
        assert tree.uri_of(key) is None


def test_a_part_of_a_tree_is_a_tree(tree, store_uri):
    below = tree.below("train")
    assert sorted(below.walk()) == [
        "Image.old/z.jpg", "Image/x.jpg", "Image/x.png", "Image/y.tiff", "notes.TXT",
    ]  # fmt: skip
    assert below.has("notes.TXT")
    assert below.uri_of("notes.TXT") == f"{store_uri}/train/notes.TXT"
    assert list(tree.below("train/Image").walk()) == ["x.jpg", "x.png", "y.tiff"]


def test_below_a_folder_that_cannot_be_an_address_the_tree_stays_as_it_is(tmp_path):
    (tmp_path / "a\nb").mkdir()
    (tmp_path / "a\nb" / "x.png").write_bytes(b"1")
    tree = list_tree(Prefix(str(tmp_path)))
    below = tree.below("a\nb")
    assert list(below.walk()) == ["a\nb/x.png"]
    assert below.uri_of("a\nb/x.png") is None


@pytest.mark.parametrize(
    ("key", "litter"),
    [("a/desktop.INI", True), ("__MACOSX/a.jpg", True), ("a/.b/c.jpg", True), ("._a.jpg", True), ("a/b.jpg", False),
     ("a/macosx/b.jpg", False)],
)  # fmt: skip
def test_litter_is_no_image(key, litter):
    assert is_litter(key) == litter
    assert is_image_key(key) == (not litter)


def test_the_ends_of_a_file_are_read_without_the_rest(tree):
    assert tree.head("train/Image/x.png", num_bytes=5) == b"train"
    assert tree.head("train/Image/x.png", num_bytes=5, from_end=True) == b"x.png"
    assert (
        tree.head("train/Image/x.png")
        == tree.head("train/Image/x.png", from_end=True)
        == b"train/Image/x.png"
    )


def test_what_is_no_address_has_no_ends(tree):
    assert tree.head("../x") == b""


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(MAX_ANNOTATION_BYTES + 1)  # a hole, which takes no space
    tree = list_tree(Prefix(str(tmp_path)))
    with pytest.raises(
        AccessDenied, match=r"huge\.json has 1,073,741,825 bytes, over the limit of 1,073,741,824 "
    ):
        tree.read("huge.json")
    (tmp_path / "small.txt").write_text("four")
    assert tree.read("small.txt", max_bytes=4) == b"four"
    with pytest.raises(AccessDenied, match=r"small\.txt has 4 bytes, over the limit of 3 "):
        tree.read("small.txt", max_bytes=3)


def test_a_folder_can_be_seen_from_the_one_above(store_uri):
    inner = Prefix(store_uri).child("set/domain1")
    inner.write("image/a.png", b"1")
    inner.write("b.txt", b"2")
    Prefix(store_uri).write("set/domain2/c.png", b"3")
    above = list_tree(inner).from_above()
    assert above.root.uri == f"{store_uri}/set"
    assert list(above.walk()) == ["domain1/b.txt", "domain1/image/a.png"]
    assert above.uri_of("domain1/b.txt") == inner.uri_of("b.txt")
    assert above.read("domain1/image/a.png") == b"1"


@pytest.mark.parametrize("uri", ["/data", "s3://bucket"])
def test_nothing_is_above_a_bucket_or_a_folder_of_the_root(uri):
    assert SourceTree(Prefix(uri), {"": ["a.png"]}, 0).from_above() is None


def test_a_folder_that_is_added_is_found_though_others_were_looked_for_before():
    tree = SourceTree(Prefix("/nowhere"), {"a": ["x"]}, 0)
    assert tree.find_folder("B") is None
    tree._add_folder("b")
    assert tree.find_folder("B") == "b"


def test_keys_are_shown_on_one_line():
    assert on_one_line("a b/é.png") == "a b/é.png"
    assert on_one_line("a\nb\x1b.png") == r"'a\nb\x1b.png'"
