import pytest
from support.source_trees import JUNK, grow, is_damaged, objects_of, scans_of, voc

from rwsc.sources.yolo import READER

BOX = "1 0.5 0.5 0.2 0.4\r\n"
NAMES = "names: [gun, Knife]\n"


@pytest.mark.parametrize("image", ["images/train/{}", "train/images/{}", "images/{}", "obj_train_data/{}"])
def test_all_usual_trees_say_the_same(tmp_path, image):
    label = image.replace("images", "labels")
    files = {image.format(name): b"" for name in ("a.jpg", "b.PNG", "c.jpg", "d.jpg", "Thumbs.db")}
    files |= {label.format("a.txt"): BOX, label.format("b.TXT"): "", label.format("._a.txt"): b"\0"}
    files |= {
        label.format("d.txt"): "0 0.1 0.1 0.3 0.1 0.3 0.5",
        "obj.names": "gun\nKnife\n",
        "README.txt": "hello",
    }
    tree = grow(str(tmp_path), files)
    assert "YOLO" in READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert list(scans) == [image.format(name) for name in ("a.jpg", "b.PNG", "d.jpg", "c.jpg")]
    a, b, d, c = scans.values()
    assert objects_of(a) == [("Knife", (40, 15, 20, 20), ())]
    assert objects_of(b) == []
    assert objects_of(d)[0][:1] == ("gun",)
    assert (c.sidecar, c.flags, c.kind) == (None, ("no_annotation_file",), "benign")
    assert {scan.split for scan in scans.values()} == {"train" if "train" in image else None}
    assert not dropped


def roboflow(**files):
    return {
        "data.yaml": "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\n" + NAMES,
        "train/images/a_jpg.rf.01.jpg": b"",
        "train/labels/a_jpg.rf.01.txt": BOX,
        "valid/images/b.jpg": b"",
        "valid/labels/b.txt": BOX,
        "valid/labels/gone.txt": BOX,
        "test/images/c.jpg": b"",
    } | files


def test_an_export_in_any_store(store_uri):
    tree = grow(store_uri, roboflow())
    assert "data.yaml" in READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert {key: scan.split for key, scan in scans.items()} == {
        "train/images/a_jpg.rf.01.jpg": "train",
        "valid/images/b.jpg": "val",
    }
    assert objects_of(scans["valid/images/b.jpg"]) == [("Knife", (40, 15, 20, 20), ())]
    # Nobody can tell whether the test images are harmless or their labels are kept back.
    assert dropped == {"annotation without an image": 1, "image in a folder without annotations": 1}


def test_background_alone_is_recognised_by_its_description(tmp_path):
    files = {"images/a.jpg": b"", "labels/a.txt": b""}
    assert READER.recognise(grow(str(tmp_path / "1"), files)) is None
    assert READER.recognise(grow(str(tmp_path / "2"), files | {"data.yaml": NAMES}))


@pytest.mark.parametrize("place", ["images/first", "/data/images/first", "../../etc", "images"])
def test_a_stated_folder_gives_the_split_where_it_is_one(tmp_path, place):
    files = {"images/first/a.jpg": b"", "labels/first/a.txt": BOX, "data.yaml": f"val: {place}\n{NAMES}"}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    expected = "val" if place in ("images/first", "images") else None
    assert scans["images/first/a.jpg"].split == expected


def test_one_folder_for_two_splits_says_nothing(tmp_path):
    files = {"images/a.jpg": b"", "labels/a.txt": BOX, "data.yaml": f"train: images\nval: images\n{NAMES}"}
    assert scans_of(READER, grow(str(tmp_path), files))[0]["images/a.jpg"].split is None


def test_lists_give_the_split_and_the_test_goes_first(tmp_path):
    files = {f"images/{name}.{end}": BOX for name in "abc" for end in ("jpg", "txt")}
    files |= {
        "train.txt": "./images/a.jpg\r\n/home/u/images/b.jpg\r\n",
        "lists/x.txt": "../../images/b.jpg\n",
    }
    files |= {"data.yaml": f"test: lists/x.txt\n{NAMES}"}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert [scan.split for scan in scans.values()] == ["train", "test", None]


def test_names_beside_the_labels_are_used_and_are_no_labels(tmp_path):
    files = {
        "images/a.jpg": b"",
        "images/classes.jpg": b"",
        "labels/a.txt": BOX,
        "labels/classes.txt": "x\nBlade\n",
    }
    scans, dropped = scans_of(READER, grow(str(tmp_path), files))
    assert objects_of(scans["images/a.jpg"])[0][0] == "Blade"
    assert not dropped


def test_without_names_classes_keep_their_numbers(tmp_path):
    scans, _ = scans_of(READER, grow(str(tmp_path), {"images/a.jpg": b"", "labels/a.txt": BOX}))
    assert objects_of(scans["images/a.jpg"])[0][0] == "class_1"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"images/a.jpg": b""},
        {"images/a.jpg": b"", "labels/b.txt": BOX},
        {"images/a.jpg": b"", "labels/a.txt": "a photo of a bag"},
        {"images/a.jpg": b"", "labels/a.xml": voc()},
        {"domain1/image/a.jpg": b"", "domain1/txt/a.txt": "a.jpg knife 1 2 3 4"},
        {"train/train_image/a.jpg": b"", "train/train_annotation/a.txt": "a knife 1 2 3 4"},
        {"B0001/B0001_0001.png": b"", "B0001/ground_truth.txt": "1 2 3 4 5"},
    ],
)
def test_other_layouts_are_not_claimed(tmp_path, files):
    assert READER.recognise(grow(str(tmp_path), files)) is None


def test_every_kind_of_junk_costs_its_own_image_only(tmp_path):
    junk = {name: data for name, data in JUNK.items() if data}
    files = {f"images/{number}.jpg": b"" for number in range(len(junk))}
    files |= {f"labels/{number}.txt": data for number, data in enumerate(junk.values())}
    scans, _ = scans_of(READER, grow(str(tmp_path), files | {"data.yaml": b"\xff" * 9}))
    assert len(scans) == len(junk)
    assert all(is_damaged(scan) for scan in scans.values())
