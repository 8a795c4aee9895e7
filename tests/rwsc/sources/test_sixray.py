import pytest
from support.source_trees import JUNK, grow, is_damaged, objects_of, scans_of, voc

from rwsc.sources.licences import Licence, classify, licence_of_dataset
from rwsc.sources.sixray import READER
from rwsc.sources.voc import READER as VOC

GUN = voc(("Gun", 10, 20, 30, 40), filename="P99999.jpg")
HEAD = "name,Gun,Knife,Wrench,Pliers,Scissors\r\n"
ROWS = (
    HEAD
    + "P00001,1.0,-1,1,-1,-1\r\nP00002,1,-1,-1,-1,-1\r\nN0000002,-1,1,-1,-1,-1\r\nN9999999,-1,-1,-1,-1,-1\r\n"
)
NAMES = ("P00001", "P00002", "N0000001", "N0000002")


def layout(name):
    """One tree in each of the four root layouts; P00002 and N0000002 lack their XML files."""
    images, annotations, lists = {
        "original": (
            ["20/{}.jpg", "20/{}.JPG", "0/{}.jpg", "50/{}.jpg"],
            "Annotation/{}.xml",
            "ImageSet/10/train.csv",
        ),
        "chr": (["JPEGImage/{}.jpg"] * 4, "Annotation/{}.XML", "ImageSet/train_test_10-5/train.csv"),
        "repacked": (["images/{}.jpg"] * 4, "annotations/{}.xml", "labels/10/train.csv"),
        "parted": (["train/image/{}.jpg"] * 4, "train/annotation/{}.xml", "labels/10/train.csv"),
    }[name]
    files = {place.format(stem): b"" for place, stem in zip(images, NAMES, strict=True)}
    return files | {
        annotations.format("P00001"): GUN,
        annotations.format("P77777"): GUN,
        annotations.format("._P00001"): b"\0",
        lists: ROWS,
    }


@pytest.mark.parametrize("name", ["original", "chr", "repacked", "parted"])
def test_all_root_layouts_say_the_same(tmp_path, name):
    tree = grow(str(tmp_path), layout(name))
    assert "SIXray" in READER.recognise(tree)
    check(tree)


def test_a_tree_in_any_store(store_uri):
    check(grow(store_uri, layout("original")))


def check(tree):
    scans, dropped = scans_of(READER, tree)
    assert next(iter(scans)).endswith("P00001.jpg")  # annotated ones first
    by_stem = {key.rsplit("/", 1)[1].split(".")[0]: scan for key, scan in scans.items()}
    assert sorted(by_stem) == sorted(NAMES)
    assert objects_of(by_stem["P00001"]) == [("Gun", (10, 20, 20, 20), ())]
    assert {stem: scan.kind for stem, scan in by_stem.items()} == {
        "P00001": "threat",
        "P00002": "threat",
        "N0000001": "benign",
        "N0000002": "threat",
    }
    assert [by_stem[stem].flags for stem in NAMES] == [(), ("no_annotation",), (), ("no_annotation",)]
    assert [by_stem[stem].subset for stem in NAMES] == ["10", "10", None, "10"]
    assert by_stem["P00002"].split == "train"
    assert dropped == {"annotation without an image": 1, "listed image missing": 1}
    assert classify(licence_of_dataset(by_stem["N0000001"].dataset)) is Licence.ACADEMIC


def test_folders_give_the_split_where_no_list_does(tmp_path):
    tree = grow(
        str(tmp_path),
        {"train/image/P00001.jpg": b"", "eval/image/P00002.jpg": b"", "eval/annotation/P00002.xml": GUN},
    )
    scans, _ = scans_of(READER, tree)
    assert {key: scan.split for key, scan in scans.items()} == {
        "eval/image/P00002.jpg": "test",
        "train/image/P00001.jpg": "train",
    }


def test_lists_at_odds_are_flagged(tmp_path):
    files = {"0/P00001.jpg": b"", "Annotation/P00001.xml": GUN}
    files |= {"ImageSet/10/train.csv": "P00001,1", "ImageSet/100/test.csv": "P00001,1"}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    scan = scans["0/P00001.jpg"]
    assert (scan.subset, scan.split, scan.flags) == ("10", "train", ("split_conflict",))


def test_negatives_alone_are_harmless(tmp_path):
    tree = grow(str(tmp_path), {"0/N0000001.jpg": b"", "1/N0000002.jpg": b"", "README.txt": b""})
    assert READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert [(scan.kind, scan.sidecar, scan.flags) for scan in scans.values()] == [("benign", None, ())] * 2
    assert not dropped


@pytest.mark.parametrize("images", ["{}.jpg", "JPEGImage/{}.jpg", "train/{}.jpg"])
@pytest.mark.parametrize("lists", [{}, {"ImageSet/train_test_10-5/train.csv": ROWS}])
def test_json_that_annotates_nothing_does_not_make_harmless_bags_of_positives(tmp_path, images, lists):
    files = {images.format(name): b"" for name in NAMES} | {"dataset-metadata.json": b'{"title": "x"}'}
    files["other/settings.json"] = b'["P00001.jpg", 1, 2, 3]'
    tree = grow(str(tmp_path), files | lists)
    assert READER.recognise(tree)
    scans, _ = scans_of(READER, tree)
    assert scans[images.format("P00001")].kind == "threat"
    assert scans[images.format("P00001")].flags == ("no_annotation",)
    assert scans[images.format("N0000001")].kind == "benign"


def test_a_negative_with_an_annotation_hands_it_on(tmp_path):
    tree = grow(str(tmp_path), {"0/N0000001.jpg": b"", "Annotation/N0000001.xml": GUN})
    assert objects_of(scans_of(READER, tree)[0]["0/N0000001.jpg"])[0][0] == "Gun"


def test_an_image_called_otherwise_is_not_taken_for_harmless(tmp_path):
    tree = grow(str(tmp_path), {"0/N0000001.jpg": b"", "1/montage.jpg": b"", "Annotation/N0000001.xml": GUN})
    scans, _ = scans_of(READER, tree)
    (problem,) = [key for key in scans if "montage" in key]
    assert scans[problem].uri is None
    assert "neither a positive's" in problem


@pytest.mark.parametrize("stray", ["zz.jpg", "aa.jpg", "0.png"])
def test_a_picture_of_ones_own_among_them_does_not_hide_the_layout(tmp_path, stray):
    files = {f"images/{name}.jpg": b"" for name in NAMES} | {"annotations/P00001.xml": GUN}
    tree = grow(str(tmp_path), files | {f"images/{stray}": b""})
    assert READER.recognise(tree)
    assert not VOC.recognise(tree)
    scans, _ = scans_of(READER, tree)
    assert scans["images/N0000001.jpg"].dataset == "SIXray"
    assert any(stray in key and scan.uri is None for key, scan in scans.items())


def test_a_few_pictures_of_sixray_among_many_others_are_not_its_layout(tmp_path):
    files = {f"images/{name}.jpg": b"" for name in (*NAMES, *"abcd")} | {"annotations/P00001.xml": GUN}
    assert READER.recognise(grow(str(tmp_path), files)) is None


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"0/a.jpg": b""},
        {"images/P00001.jpg": b"", "labels/P00001.txt": b"0 0.5 0.5 0.1 0.1"},
        {"train2017/P00001.jpg": b"", "annotations/instances_train2017.json": b"{}"},
        {"images/P00001.jpg": b"", "images/P00001.json": b"{}"},
        {"images/P00001.jpg": b"", "images/P00001.jpg.json": b"{}"},
        {
            "images/P00001.jpg": b"",
            "all.json": b'{"images": [{"file_name": "P00001.jpg"}], "annotations": []}',
        },
        {"images/P00001.jpg": b"", "via.json": b'{"P00001.jpg": {"regions": []}}'},
        {"images/P0001_jpg.rf.0a.jpg": b"", "images/P0001_jpg.rf.0a.xml": GUN},
    ],
)
def test_other_layouts_of_the_same_names_are_not_claimed(tmp_path, files):
    assert READER.recognise(grow(str(tmp_path), files)) is None


def test_every_kind_of_junk_costs_its_own_image_only(tmp_path):
    files = {}
    for number, data in enumerate(JUNK.values()):
        files |= {f"0/P{number:05d}.jpg": b"", f"Annotation/P{number:05d}.xml": data}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert len(scans) == len(JUNK)
    assert all(is_damaged(scan) and scan.kind == "threat" for scan in scans.values())
