import json

import pytest

from rwsc.corpus.coco import COCO_KEY, write_coco
from rwsc.corpus.exports.classes import check_known, corpus_classes, read_classes
from rwsc.errors import ObjectMissing, SourceError
from rwsc.storage.prefix import Prefix

HOSTILE = ['"images": [', "a\nb", "<&>", "刀"]


def test_classes_of_a_corpus_are_read_from_the_head_of_its_coco_file(store_uri):
    corpus = Prefix(store_uri)
    many = [f"class {number} {'x' * 100}" for number in range(2000)]  # more than one block
    write_coco([], [*many, *HOSTILE], corpus.uri_of(COCO_KEY))
    assert corpus_classes(corpus) == sorted([*many, *HOSTILE])


def test_images_behind_the_classes_are_not_read(tmp_path):
    corpus = Prefix(str(tmp_path))
    corpus.write(COCO_KEY, b'{"categories": [{"id": 1, "name": "gun"}],\n"images": [{broken')
    assert corpus_classes(corpus) == ["gun"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"images": [',
        '{"categories": 3, "images": [',
        '{"categories": [3], "images": [',
        '{"categories": [{"name": 3}], "images": [',
    ],
)
def test_a_damaged_coco_file_is_told(tmp_path, text):
    corpus = Prefix(str(tmp_path))
    corpus.write(COCO_KEY, text.encode())
    with pytest.raises(SourceError, match="does not begin with the classes"):
        corpus_classes(corpus)


def test_lists_come_from_json_text_and_earlier_exports(store_uri):
    folder = Prefix(store_uri)
    folder.write("list.json", json.dumps(HOSTILE).encode())
    folder.write("list.txt", "knife\n gun \n刀\n".encode())
    folder.child("export").write("run.json", json.dumps({"classes": HOSTILE}).encode())
    assert read_classes(folder.uri_of("list.json")) == HOSTILE
    assert read_classes(folder.uri_of("list.txt")) == ["knife", "gun", "刀"]
    assert read_classes(folder.uri_of("export")) == HOSTILE


@pytest.mark.parametrize(
    "data", [b"[]", b'["a", "a"]', b'["a", 1]', b'["", "a"]', b"{}", b'"gun"', b"\xff", b"[" * 100_000]
)
def test_what_is_no_list_of_names_is_refused(tmp_path, data):
    (tmp_path / "list.json").write_bytes(data)
    with pytest.raises(SourceError, match=r"list\.json is no list of different class names"):
        read_classes(str(tmp_path / "list.json"))
    with pytest.raises(ObjectMissing):
        read_classes(str(tmp_path / "none.json"))


def test_unknown_classes_are_named():
    check_known(["gun"], ["knife", "gun"])
    with pytest.raises(SourceError, match="'axe' and 1 more, which the list of 1 classes lacks"):
        check_known(["gun", "saw", "axe"], ["gun"])
