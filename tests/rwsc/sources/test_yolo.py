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


@pytest.mark.parametrize("num_empty", [5, 300])
def test_background_before_all_others_does_not_hide_the_layout(tmp_path, num_empty):
    files = {f"images/a{number:03}.jpg": b"" for number in range(num_empty)} | {
        f"labels/a{number:03}.txt": b"\n" for number in range(num_empty)
    }
    for number in range(10):
        files |= {f"images/b{number}.jpg": b"", f"labels/b{number}.txt": BOX}
    tree = grow(str(tmp_path), files | {"classes.txt": "gun\nknife"})
    assert READER.recognise(tree)


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


def splits_of(root, *, images, **lists):
    files = {image: b"" for image in images}
    files |= {image.replace("images", "labels").replace(".jpg", ".txt"): BOX for image in images}
    files |= {f"{name}.txt": "\n".join(lines) for name, lines in lists.items()}
    scans, _ = scans_of(READER, grow(str(root), files))
    return {key: scan.split for key, scan in scans.items()}


@pytest.mark.parametrize("lead", ["./", "/home/u/set/", "..\\", "", "s3://bucket/set//"])
def test_stems_that_begin_anew_in_each_split_are_told_apart_by_the_paths_of_the_lists(tmp_path, lead):
    images = [f"images/{part}/{number}.jpg" for part in ("a", "b", "c", "test") for number in (1, 2)]
    found = splits_of(
        tmp_path,
        images=images,
        train=[f"{lead}images/a/1.jpg", f"{lead}images/a/2.jpg"],
        val=[f"{lead}images/b/1.jpg".replace("/", "\\"), f"{lead}images/b/2.jpg"],
    )
    expected = {"a": "train", "b": "val", "c": None, "test": "test"}
    assert found == {image: expected[image.split("/")[1]] for image in images}


def test_a_list_of_one_split_says_nothing_about_images_of_the_same_stems_in_others(tmp_path):
    images = [f"images/{part}/0001.jpg" for part in ("train", "val", "test")]
    expected = {image: image.split("/")[1] for image in images}
    assert splits_of(tmp_path / "1", images=images, train=["images/train/0001.jpg"]) == expected
    assert splits_of(tmp_path / "2", images=images, train=["0001", "x/0001.jpg"]) == expected


def test_a_bare_name_in_a_list_goes_before_the_folder_where_it_is_the_only_one(tmp_path):
    images = ["images/train/a.b.jpg", "images/train/c.jpg", "images/train/d.jpg"]
    found = splits_of(tmp_path, images=images, val=["a.b", "c.jpg"], test=["c"])
    assert list(found.values()) == ["val", "test", "train"]


def test_a_listed_path_that_is_not_here_does_not_move_a_namesake_to_another_split(tmp_path):
    images = ["images/val/1.jpg", "images/more/2.jpg"]
    found = splits_of(tmp_path, images=images, train=["images/train/1.jpg", "images/train/2.jpg"])
    assert found == {"images/val/1.jpg": "val", "images/more/2.jpg": "train"}


def test_of_two_images_of_one_stem_in_one_folder_the_listed_ending_is_meant(tmp_path):
    files = {"images/a.jpg": b"", "images/a.png": b"", "labels/a.txt": BOX, "val.txt": "images/a.png\n"}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert {key: scan.split for key, scan in scans.items()} == {"images/a.jpg": None, "images/a.png": "val"}


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
