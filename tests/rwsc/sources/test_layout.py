import json
from collections import Counter

import pytest
from support.source_trees import grow, objects_of, voc

from rwsc.errors import ObjectMissing, SourceError
from rwsc.sources.layout import READERS, open_source, recognise
from rwsc.sources.settings import LAYOUTS
from rwsc.storage.prefix import Prefix


def names(path, layout=None):
    return [scan.uri.rsplit("/", 1)[1] for scan in open_source(str(path), layout=layout, dropped=Counter())]


def layout_of(path):
    return recognise(str(path)).reader.layout


def test_the_names_that_settings_know_are_those_of_the_readers():
    assert tuple(reader.layout for reader in READERS) == LAYOUTS
    assert LAYOUTS[-1] == "folder"


@pytest.mark.parametrize(
    "json_name",
    ["annotations.json", "_annotations.coco.json", "instances_val.json", "annotations/instances_train.json",
     "annotations/boxes_train.json", "train/_annotations.coco.json"],
)  # fmt: skip
def test_a_folder_with_a_coco_file_is_recognised(tree, pixels, json_name):
    tree.image("in_folder.png", pixels(0))
    assert layout_of(tree.root) == "folder"
    tree.write(json_name)
    assert layout_of(tree.root) == "coco"
    assert json_name in recognise(str(tree.root)).why


def test_a_json_file_is_taken_for_itself_whatever_its_name(tree):
    tree.image("a.png")
    path = tree.write("my boxes.json")
    assert names(path) == ["a.png"]
    assert recognise(path).is_file
    with pytest.raises(SourceError, match="is one file, which is read as coco, not as voc"):
        recognise(path, "voc")


def test_a_folder_without_annotations_is_a_folder_of_images(tree, pixels):
    tree.image("z.png", pixels(0))
    tree.image("deep/er/a.JPG", pixels(1))
    (tree.root / "notes.txt").write_text("hello")
    (tree.root / "settings.json").write_text("{}")
    assert sorted(names(tree.root)) == ["a.JPG", "z.png"]


def test_a_layout_can_be_forced(tree, pixels):
    tree.image("a.png", pixels(0))
    tree.image("listed_only.png")
    tree.write()
    assert names(tree.root, "folder") == ["a.png"]
    assert names(tree.root, "coco") == ["a.png", "listed_only.png"]


def test_a_forced_layout_that_is_not_there_is_refused(tree, pixels):
    tree.image("a.png", pixels(0))
    with pytest.raises(SourceError, match="no COCO annotation file"):
        names(tree.root, "coco")
    with pytest.raises(SourceError, match="unknown layout 'opix'; did you mean 'opixray'") as caught:
        names(tree.root, "opix")
    assert all(name in caught.value.remedy for name in LAYOUTS)


def test_nothing_at_the_address_says_so(tmp_path):
    with pytest.raises(ObjectMissing, match="nothing at"):
        names(tmp_path / "absent")
    with pytest.raises(ObjectMissing, match="nothing at"):
        names(tmp_path / "absent.json")


def test_what_is_not_recognised_is_described(tmp_path):
    for name in ("a/x.tar", "a/y.tar", "b/z.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        SourceError, match=r"no layout is recognised .*files 2 \.tar, 1 \.mp4; folders a, b"
    ) as caught:
        recognise(str(tmp_path))
    assert "sixray" in caught.value.remedy
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="the folder is empty"):
        recognise(str(tmp_path / "empty"))


def opixray(folder: Prefix):
    for split in ("train", "test"):
        folder.write(f"{split}/{split}_image/009.jpg", b"")
        folder.write(f"{split}/{split}_annotation/009.txt", b"009.jpg Scissor 1 2 3 4\n")
        folder.write(f"{split}/{split}_knife.txt", b"009\n")


@pytest.mark.parametrize("nesting", ["", "OPIXray", "OPIXray/OPIXray"])
def test_a_dataset_is_recognised_through_folders_that_hold_nothing_else(store_uri, nesting):
    opixray(Prefix(store_uri).child(nesting) if nesting else Prefix(store_uri))
    found = recognise(store_uri)
    assert found.reader.layout == "opixray"
    scans = list(found.list_scans(Counter()))
    assert [(scan.split, scan.dataset) for scan in scans] == [("train", "OPIXray"), ("test", "OPIXray")] or {
        scan.split for scan in scans
    } == {"train", "test"}
    assert all(scan.uri.startswith(store_uri) for scan in scans)


def test_the_layout_of_one_dataset_goes_before_the_general_one(tmp_path):
    root = Prefix(str(tmp_path))
    document = {
        "images": [{"id": 0, "file_name": "xray_00001.png", "width": 4, "height": 4}],
        "annotations": [],
        "categories": [{"id": 1, "name": "Baton"}],
    }
    root.write("annotations/xray_train.json", json.dumps(document).encode())
    root.write("train/xray_00001.png", b"")
    assert layout_of(tmp_path) == "pidray"


COCO = {
    "images": [{"id": 0, "file_name": "a.jpg"}],
    "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4]}],
    "categories": [{"id": 1, "name": "gun"}],
}
BOX = "0 0.5 0.5 0.2 0.4\n"


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"image/1.jpg": b"", "txt/1.txt": "1.jpg knife 5 5 30 30"}, "txt/1.txt"),
        (
            {"x/test_image/1.jpg": b"", "x/test_annotation/1.txt": "1.jpg Folding_Knife 5 5 9 9"},
            "test_annotation/1.txt",
        ),
        ({"B46_1.png": b"", "ground_truth.txt": "1 5 30 5 30"}, "ground_truth.txt"),
        (
            {"images/train/1.jpg": b"", "images/train/metadata.jsonl": '{"file_name": "1.jpg", "box": 1}'},
            "metadata.jsonl",
        ),
        ({"img/1.jpg": b"", "Annotation_xml/1.xml": voc(("gun", 5, 5, 30, 30))}, "Annotation_xml/1.xml"),
        (
            {"images/a/1.jpg": b"", "images/b/1.jpg": b"", "annotations/1.xml": voc(("gun", 5, 5, 30, 30))},
            "1.xml",
        ),
        (
            {"training/image_2/1.png": b"", "training/label_2/1.txt": "gun 0.00 0 -1.82 10 10 20 20"},
            "label_2/1.txt",
        ),
        ({"ds/img/1.jpg": b"", "ds/ann/1.jpg.json": '{"objects": []}'}, "ds/ann/1.jpg.json"),
        ({"images/a.jpg": b"", "train.csv": "a.jpg,5,5,30,30,gun"}, "train.csv"),
        (
            {"x/train2017/a.jpg": b"", "x/annotations/i.json": json.dumps(COCO), "docs/x.md": b""},
            "annotations/i.json",
        ),
        ({"A/images/a.jpg": b"", "A/labels/a.txt": "gun 1 2", "B/b.png": b""}, "A/labels/a.txt"),
    ],
)
def test_annotated_images_of_an_unknown_layout_are_refused_and_not_taken_for_harmless(tmp_path, files, named):
    grow(str(tmp_path), files)
    with pytest.raises(SourceError, match=f"may be annotated: .*{named}") as caught:
        names(tmp_path)
    assert "--layout folder takes all as harmless bags" in caught.value.remedy
    assert {scan.kind for scan in open_source(str(tmp_path), layout="folder", dropped=Counter())} == {
        "benign"
    }


@pytest.mark.parametrize(
    ("key", "image"),
    [
        ("labels.json", "data/a.jpg"),
        ("train.json", "images/a.jpg"),
        ("train.json", "a.jpg"),
        ("result.json", "images/a.jpg"),
        ("my boxes.json", "train/a.jpg"),
        ("Annotations.json", "a.jpg"),
        ("labels/instances_train.json", "images/a.jpg"),
        ("labels/x.json", "train/a.jpg"),
        ("train/annotations.json", "train/a.jpg"),
        ("VAL/x.json", "VAL/images/a.jpg"),
        ("annotations/Instances_Train.json", "TRAIN/a.jpg"),
    ],
)
def test_a_coco_file_of_any_name_is_recognised(tmp_path, key, image):
    grow(str(tmp_path), {key: json.dumps(COCO), image: b""})
    assert layout_of(tmp_path) == "coco"
    dropped = Counter()
    (scan,) = open_source(str(tmp_path), dropped=dropped)
    assert (scan.uri, scan.kind) == (str(tmp_path / image), "threat")
    assert not dropped


def test_a_file_of_any_name_does_not_hide_the_layout_that_is_there(tmp_path):
    grow(str(tmp_path), {"x.json": json.dumps(COCO), "images/a.jpg": b"", "labels/a.txt": BOX})
    assert layout_of(tmp_path) == "yolo"


@pytest.mark.parametrize(
    ("name", "files", "layout", "stated"),
    [
        ("domain2", {"image/1.jpg": b"", "txt/1.txt": "1.jpg knife 5 5 30 30"}, "eds", ("eds-domain2", None)),
        (
            "test",
            {"test_image/1.jpg": b"", "test_annotation/1.txt": "", "test_knife.txt": "1"},
            "opixray",
            (None, "test"),
        ),
        (
            "train",
            {"train_image/1.jpg": b"", "train_annotation/1.txt": "1.jpg Water 1 2 3 4"},
            "hixray",
            (None, "train"),
        ),
        ("B0046", {"B0046_0001.png": b"", "ground_truth.txt": "1 5 30 5 30"}, "gdxray", (None, None)),
    ],
)
def test_one_part_of_a_dataset_is_recognised_by_the_name_of_its_folder(
    store_uri, name, files, layout, stated
):
    grow(f"{store_uri}/set/{name}", files)
    grow(f"{store_uri}/set/other", {"image/2.jpg": b"", "2.jpg": b""})
    found = recognise(f"{store_uri}/set/{name}")
    assert (found.reader.layout, "only this folder" in found.why) == (layout, True)
    (scan,) = found.list_scans(Counter())
    assert scan.uri.startswith(f"{store_uri}/set/{name}/")
    assert (scan.scanner_id, scan.split) == stated


YOLO = {
    "data.yaml": "train: a/images\nval: b/images\nnames: ['pistol']\n",
    "a/images/1.jpg": b"",
    "a/labels/1.txt": BOX,
    "b/images/2.jpg": b"",
    "b/labels/2.txt": BOX,
}
DARKNET = {
    "obj.names": "pistol\n",
    "obj/1.jpg": b"",
    "obj/1.txt": BOX,
    "obj/2.jpg": b"",
    "obj/2.txt": BOX,
    "train.txt": "data/obj/1.jpg\n",
    "valid.txt": "data/obj/2.jpg\n",
}


@pytest.mark.parametrize("files", [YOLO, DARKNET])
@pytest.mark.parametrize(
    ("folder", "beside"),
    [("", {}), ("data/", {}), ("x/data/", {}), ("data/", {"cfg/yolo.cfg": "x", "README.txt": "x"})],
)
def test_names_and_splits_of_yolo_are_found_where_the_export_begins(tmp_path, files, folder, beside):
    grow(str(tmp_path), {f"{folder}{key}": content for key, content in files.items()} | beside)
    scans = list(open_source(str(tmp_path), dropped=Counter()))
    assert sorted((scan.split, objects_of(scan)[0][0]) for scan in scans) == [
        ("train", "pistol"),
        ("val", "pistol"),
    ]


def test_a_description_of_yolo_goes_before_a_list_of_names(tmp_path):
    grow(
        str(tmp_path), {f"data/{key}": content for key, content in YOLO.items()} | {"classes.txt": "other\n"}
    )
    assert {objects_of(scan)[0][0] for scan in open_source(str(tmp_path), dropped=Counter())} == {"pistol"}


@pytest.mark.parametrize("key", ["labels/classes.txt", "labels/train/classes.txt", "classes.txt"])
def test_names_of_classes_above_the_labels_are_found(tmp_path, key):
    grow(
        str(tmp_path),
        {key: "pistol\n", "labels/train/1.txt": BOX, "images/train/1.jpg": b"", "readme/x.md": b""},
    )
    (scan,) = open_source(str(tmp_path), dropped=Counter())
    assert objects_of(scan)[0][0] == "pistol"


def test_images_of_other_folders_are_not_lost_to_the_one_that_names_classes(tmp_path):
    files = {
        f"{part}/{kind}/1.{end}": BOX for part in "ab" for kind, end in (("images", "jpg"), ("labels", "txt"))
    }
    grow(str(tmp_path), files | {"a/classes.txt": "pistol\n"})
    scans = {
        scan.uri.split("/")[-3]: objects_of(scan)[0][0]
        for scan in open_source(str(tmp_path), dropped=Counter())
    }
    assert scans == {"a": "pistol", "b": "class_0"}


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("items", "folder")])
def test_a_layout_of_which_nothing_is_there_is_refused_with_what_it_looks_for(tmp_path, layout):
    grow(str(tmp_path), {"deep/er/README.md": b"", "deep/er/x.tar": b""})
    with pytest.raises(SourceError) as caught:
        names(tmp_path, layout)
    assert caught.value.remedy


def test_images_that_a_layout_leaves_out_are_named_where_nothing_else_is_there(tmp_path):
    grow(str(tmp_path), {"a.png": b"", "b/c.png": b""})
    with pytest.raises(
        SourceError, match=r"nothing of the layout 'voc' in .* \(2 x image in a folder without"
    ) as caught:
        names(tmp_path, "voc")
    assert "Annotations" in caught.value.remedy


def test_a_layout_that_is_asked_for_is_found_through_folders_that_hold_nothing_else(tmp_path):
    # Neither lists nor known classes tell the dataset.
    grow(
        str(tmp_path),
        {"wrap/train/train_image/1.jpg": b"", "wrap/train/train_annotation/1.txt": "1.jpg x 1 2 3 4"},
    )
    found = recognise(str(tmp_path), "opixray")
    assert found.why == "it was asked for"
    (scan,) = found.list_scans(Counter())
    assert scan.split == "train"


def test_the_folder_of_images_alone_of_a_dataset_is_refused_with_what_lies_beside_it(store_uri):
    grow(f"{store_uri}/set", {"train2017/a.jpg": b"", "annotations/x.json": json.dumps(COCO)})
    with pytest.raises(SourceError, match="may be annotated: annotations, which lies beside ") as caught:
        names(f"{store_uri}/set/train2017")
    assert "give the folder above" in caught.value.remedy
    assert names(f"{store_uri}/set/train2017", "folder") == ["a.jpg"]


def test_folders_of_classes_are_refused_with_both_ways_to_read_them(tmp_path):
    grow(str(tmp_path), {"gun/1.jpg": b"", "normal/2.jpg": b""})
    with pytest.raises(SourceError, match="the folder 'gun' is called as a class") as caught:
        names(tmp_path)
    assert "--layout items" in caught.value.remedy
    assert "--layout folder" in caught.value.remedy
    assert sorted(names(tmp_path, "folder")) == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    ("key", "image"),
    [
        ("train/annotations/instances.json", "train/images/a.jpg"),
        ("annotations/coco/train.json", "images/train/a.jpg"),
    ],
)
def test_coco_files_in_nested_folders_find_their_images_and_their_split(tmp_path, key, image):
    grow(str(tmp_path), {key: json.dumps(COCO), image: b"", "readme/x.md": b""})
    (scan,) = open_source(str(tmp_path), dropped=Counter())
    assert (scan.uri, scan.kind, scan.split) == (str(tmp_path / image), "threat", "train")
