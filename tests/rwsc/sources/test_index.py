import hashlib
import json
import os
import random
import sys
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from rwsc.errors import ObjectExists, SourceError
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.examine import Defaults, examine
from rwsc.sources.index import index_source, index_to_catalogue
from rwsc.sources.layout import open_source
from rwsc.sources.masks import decode_rle
from rwsc.storage.images import ImageLimits
from rwsc.storage.prefix import Prefix


def index(tree, **options):
    return list(index_source(tree.write(), **options))


def objects_of(tree, **options):
    (scan,) = index(tree, **options)
    return scan.objects


def square(height=40, width=60):
    mask_HW = np.zeros((height, width), bool)
    mask_HW[10:20, 15:30] = True
    mask_HW[13:16, 20:24] = False
    return mask_HW


def test_a_good_scan_is_a_row_with_all_that_can_be_seen(tree, pixels, as_png):
    image = pixels(0)
    tree.image("a.png", image, width=60, height=40)
    (scan,) = index(tree)
    assert len(scan.perceptual_hash) == 16
    sha256 = hashlib.sha256(as_png(image)).hexdigest()
    assert (scan.status, scan.reason) == ("ok", None)
    assert (scan.sha256, scan.scan_id) == (sha256, sha256[:16])
    assert (scan.width, scan.height, scan.bit_depth, scan.modality) == (60, 40, 8, "colour")
    assert scan.air_level == pytest.approx([240, 240, 240])
    assert scan.flags == []
    assert scan.dataset == "source"


def test_sixteen_bits_and_gray_are_seen(tree, pixels):
    tree.image("a.png", pixels(0, dtype=np.uint16, gray=True), modality="gray")
    (scan,) = index(tree)
    assert (scan.bit_depth, scan.modality, scan.flags) == (16, "gray", [])
    assert scan.air_level == pytest.approx([240 * 257], rel=1e-3)


def test_a_stated_modality_is_checked_and_what_is_rendered_of_two_energies_is_colour(tree, pixels):
    tree.image("a.png", pixels(0), modality="gray")
    tree.image("b.png", pixels(1), modality="dual_energy")
    a, b = index(tree)
    assert (a.modality, a.flags) == ("colour", ["modality_mismatch"])
    assert (b.modality, b.flags) == ("colour", [])


def test_every_listed_image_is_one_row_whatever_is_wrong_with_it(tree, pixels, as_png):
    good = as_png(pixels(0))
    tree.image("good.png", good)
    tree.image("empty.png", b"")
    tree.image("text.png", b"this is no picture\n" * 20)
    tree.image("truncated.png", good[: len(good) // 2])
    tree.image("missing.png")
    tree.image("../outside.png", good)
    tree.image("/etc/hostname")
    tree.image("copy.png", good)
    tree.image("folder", None)
    (tree.root / "folder").mkdir()
    stream = index_source(tree.write())
    scans = list(stream)
    assert [scan.status for scan in scans] == ["ok", *["failed"] * 6, "rejected", "failed"]
    assert all(scan.reason and "\n" not in scan.reason for scan in scans[1:])
    assert scans[4].reason == "no such file"
    assert scans[7].reason == f"same content as {tree.root / 'good.png'}"
    assert stream.summary.num_rows == 9
    assert stream.summary.by_status == {"ok": 1, "failed": 7, "rejected": 1}
    assert len(stream.summary.problems) == 8


def test_a_file_outside_the_folder_is_never_read(tree, pixels, monkeypatch):
    tree.image("../outside.png", pixels(0))
    tree.image("inside.png", pixels(1))
    read = []
    monkeypatch.setattr("rwsc.sources.examine.read_uri", lambda uri, **limit: read.append(uri) or b"")
    index(tree)
    assert read == [str(tree.root / "inside.png")]


def test_an_image_over_the_limits_fails(tree, pixels):
    tree.image("a.png", pixels(0))
    (scan,) = index(tree, limits=ImageLimits(max_pixels=60 * 40 - 1))
    assert scan.status == "failed"


def test_the_pictures_size_counts_and_not_the_stated_one(tree, pixels):
    tree.annotation(tree.image("a.png", pixels(0), width=600, height=400), bbox=[50, 30, 100, 100])
    (scan,) = index(tree)
    assert (scan.width, scan.height) == (60, 40)
    assert scan.flags == ["size_mismatch"]
    assert scan.objects[0].bbox_xywh == [50, 30, 10, 10]
    assert scan.objects[0].flags == ["clipped"]


def test_swapped_corners_are_swapped_back(tree, pixels):
    tree.annotation(tree.image("a.png", pixels(0)), bbox=[30, 20, -10, -5])
    (thing,) = objects_of(tree)
    assert (thing.bbox_xywh, thing.flags) == ([20, 15, 10, 5], ["swapped"])


def test_an_object_outside_stays_flagged_and_without_a_mask(tree, pixels):
    image_id = tree.image("a.png", pixels(0))
    tree.annotation(image_id, bbox=[70, 50, 5, 5], mask_file=tree.mask("m.png", square()))
    tree.annotation(image_id, bbox=[5, 5, 0, 5])
    stream = index_source(tree.write())
    (scan,) = stream
    assert [thing.flags for thing in scan.objects] == [["outside"], ["empty", "outside"]]
    assert [thing.mask_rle for thing in scan.objects] == [None, None]
    assert stream.summary.by_flag == {"outside": 2, "empty": 1}
    assert stream.summary.by_class == {}


def test_a_mask_file_keeps_its_holes(tree, pixels):
    mask_HW = square()
    tree.annotation(
        tree.image("a.png", pixels(0)), bbox=[15, 10, 15, 10], mask_file=tree.mask("m/a.png", mask_HW)
    )
    (thing,) = objects_of(tree)
    np.testing.assert_array_equal(decode_rle(thing.mask_rle, height=40, width=60), mask_HW)
    assert thing.flags == []


def test_a_mask_file_goes_before_polygons(tree, pixels):
    tree.annotation(
        tree.image("a.png", pixels(0)),
        bbox=[15, 10, 15, 10],
        segmentation=[[0, 0, 5, 0, 5, 5]],
        mask_file=tree.mask("a_mask.png", square()),
    )
    (thing,) = objects_of(tree)
    np.testing.assert_array_equal(decode_rle(thing.mask_rle, height=40, width=60), square())


def test_polygons_become_masks(tree, pixels):
    tree.annotation(
        tree.image("a.png", pixels(0)), bbox=[5, 5, 10, 10], segmentation=[[5, 5, 15, 5, 15, 15, 5, 15]]
    )
    (thing,) = objects_of(tree)
    assert decode_rle(thing.mask_rle, height=40, width=60).sum() == 100


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({"segmentation": {"size": [10, 10], "counts": [100]}}, "mask_size_mismatch"),
        ({"segmentation": {"size": [40, 60], "counts": [2400]}}, "mask_empty"),
        ({"segmentation": [[1, 2, 3]]}, "mask_unreadable"),
        ({"segmentation": {"size": [40, 60], "counts": "~~~~"}}, "mask_unreadable"),
        ({"mask_file": "absent.png"}, "mask_missing"),
        ({"mask_file": "annotations.json"}, "mask_unreadable"),
        ({"mask_file": "../../../etc/passwd"}, "mask_unreadable"),
    ],
)
def test_a_mask_that_cannot_be_used_is_dropped_and_flagged(tree, pixels, fields, flag):
    tree.annotation(tree.image("a.png", pixels(0)), bbox=[5, 5, 10, 10], **fields)
    (thing,) = objects_of(tree)
    assert (thing.mask_rle, thing.flags) == (None, [flag])
    assert thing.bbox_xywh == [5, 5, 10, 10]


def test_a_mask_file_of_another_size_is_dropped_and_flagged(tree, pixels):
    mask = tree.mask("m.png", square(height=41))
    tree.annotation(tree.image("a.png", pixels(0)), bbox=[5, 5, 10, 10], mask_file=mask)
    (thing,) = objects_of(tree)
    assert (thing.mask_rle, thing.flags) == (None, ["mask_size_mismatch"])


def test_an_object_without_a_box_takes_its_masks(tree, pixels):
    image_id = tree.image("a.png", pixels(0))
    tree.annotation(image_id, mask_file=tree.mask("m.png", square()))
    tree.annotation(image_id, bbox=[])
    with_mask, without = objects_of(tree)
    assert (with_mask.bbox_xywh, with_mask.flags) == ([15, 10, 15, 10], ["no_box"])
    assert without.flags == ["no_box", "outside"]


def test_crowds_are_flagged(tree, pixels):
    tree.annotation(tree.image("a.png", pixels(0)), bbox=[5, 5, 10, 10], iscrowd=1)
    assert objects_of(tree)[0].flags == ["crowd"]


def test_the_stricter_licence_is_kept_and_the_users_fills_in(tree, pixels):
    tree.image("a.png", pixels(0), license=tree.licence("academic use only"))
    tree.image("b.png", pixels(1))
    tree.image("c.png", pixels(2), origin_dataset="PIDray")
    stream = index_source(tree.write(), licence="CC0", dataset="mine")
    a, b, c = stream
    assert (a.licence, b.licence) == ("academic use only", "CC0")
    assert (a.dataset, c.dataset) == ("mine", "PIDray")
    assert "PIDray: academic" in c.licence
    assert stream.summary.by_licence == {"academic": 2, "permissive": 1}


def test_a_permissive_licence_that_is_stated_is_kept(tree, pixels):
    tree.image("a.png", pixels(0), license=tree.licence("CC0"))
    (scan,) = index(tree)
    assert scan.licence == "CC0"


def test_the_summary_counts_classes_masks_kinds_and_what_was_dropped(tree, pixels):
    image_id = tree.image("a.png", pixels(0))
    tree.annotation(image_id, bbox=[5, 5, 10, 10])
    tree.annotation(image_id, bbox=[15, 10, 15, 10], category_id=2, mask_file=tree.mask("m.png", square()))
    tree.annotation(999, bbox=[5, 5, 10, 10])
    tree.image("b.png", pixels(1))
    stream = index_source(tree.write())
    list(stream)
    summary = stream.summary.to_dict()
    assert summary["by_class"] == {"gun": 1, "knife": 1}
    assert summary["masks_by_class"] == {"knife": 1}
    assert summary["by_kind"] == {"threat": 1, "benign": 1}
    assert summary["dropped"] == {"annotation of an unknown image": 1}
    json.dumps(summary)


def test_the_rows_do_not_depend_on_the_number_of_threads(tree, pixels):
    for seed in range(12):
        tree.image(f"{seed % 9}.png", pixels(seed % 7))
    assert index(tree, max_workers=1) == index(tree, max_workers=5)


def test_a_folder_of_images_is_indexed_as_harmless_bags(tree, pixels):
    tree.image("b.png", pixels(0))
    tree.image("a.png", pixels(1))
    tree.image("broken.jpg", b"nothing")
    scans = list(index_source(str(tree.root)))
    assert [(scan.uri.rsplit("/", 1)[1], scan.kind, scan.status) for scan in scans] == [
        ("a.png", "benign", "ok"),
        ("b.png", "benign", "ok"),
        ("broken.jpg", "benign", "failed"),
    ]


@pytest.mark.parametrize("annotated_first", [True, False])
def test_of_two_copies_the_one_with_objects_stays_whichever_comes_first(
    store_uri, pixels, as_png, annotated_first
):
    """Both have an annotation file; one of these is empty, as those of harmless scans are."""
    source, box = Prefix(store_uri), "0 0.5 0.5 0.4 0.4"
    source.write("classes.txt", b"gun\n")
    for name, text in zip("abc", [box, "", ""] if annotated_first else ["", box, ""], strict=True):
        source.write(f"images/{name}.png", as_png(pixels(0)))
        source.write(f"labels/{name}.txt", text.encode())
    stream = index_source(store_uri)
    scans = list(stream)
    statuses = ["ok", "rejected"] if annotated_first else ["rejected", "ok"]
    assert [scan.status for scan in scans] == [*statuses, "rejected"]
    (stays,) = [scan for scan in scans if scan.status == "ok"]
    assert len(stays.objects) == 1
    assert {scan.reason for scan in scans} == {None, f"same content as {stays.uri}"}
    assert stream.summary.by_kind == {"threat": 1}


def test_of_two_copies_with_objects_the_first_stays_and_what_is_lost_is_told(tree, pixels):
    for name in ("a.png", "b.png"):
        tree.annotation(tree.image(name, pixels(0)), bbox=[5, 5, 10, 10])
    first, second = index(tree)
    assert (first.status, second.status) == ("ok", "rejected")
    assert second.reason == f"same content as {first.uri}; its 1 objects are not used"


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_names_that_are_no_text_cost_their_images_and_not_the_run(tree, pixels, as_png, tmp_path):
    tree.image("images/ok.png", pixels(0))
    (tree.root / os.fsdecode(b"\xb0\xb2\xbc\xec")).mkdir()
    for name in (b"\xcb\xb5\xc3\xf7.txt", b"images/\xb5\xb6.png", b"\xb0\xb2\xbc\xec/2.png"):
        (tree.root / os.fsdecode(name)).write_bytes(as_png(pixels(1)))
    target = str(tmp_path / "c.parquet")
    summary = index_to_catalogue(str(tree.root), target)
    assert summary.by_status == {"ok": 1, "failed": 2}
    scans = {scan.reason: scan.uri for scan in iter_scans(read_catalogue(target))}
    assert scans == {
        None: str(tree.root / "images/ok.png"),
        r"the name 'images/\x1a\\xb5\\xb6.png' cannot be an address": None,
        r"the name '\x1a\\xb0\\xb2\\xbc\\xec/2.png' cannot be an address": None,
    }


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
@pytest.mark.parametrize("name", [b"a\nb", b"\xb0\xb2\xbc\xec"])
def test_a_top_folder_that_cannot_be_an_address_costs_its_images_and_not_the_run(
    tmp_path, pixels, as_png, name
):
    folder = tmp_path / "source" / os.fsdecode(name) / "images"
    folder.mkdir(parents=True)
    (folder / "1.png").write_bytes(as_png(pixels(0)))
    stream = index_source(str(tmp_path / "source"))
    assert [(scan.status, scan.uri) for scan in stream] == [("failed", None)]
    assert "cannot be an address" in stream.summary.problems[0]


def test_an_index_run_leaves_a_catalogue_and_replaces_none_unasked(tree, pixels, tmp_path):
    tree.annotation(tree.image("a.png", pixels(0)), bbox=[5, 5, 10, 10])
    tree.image("missing.png")
    target = str(tmp_path / "catalogue.parquet")
    summary = index_to_catalogue(tree.write(), target)
    scans = list(iter_scans(read_catalogue(target)))
    assert scans == index(tree)
    assert summary.num_rows == 2
    with pytest.raises(ObjectExists) as caught:
        index_to_catalogue(tree.write(), target)
    assert "--overwrite" in caught.value.remedy
    tree.image("c.png", pixels(3))
    index_to_catalogue(tree.write(), target, overwrite=True)
    assert read_catalogue(target).num_rows == 3


def test_a_source_that_cannot_be_used_leaves_no_catalogue(tree, tmp_path):
    tree.root.mkdir()
    (tree.root / "annotations.json").write_text("{")
    with pytest.raises(SourceError):
        index_to_catalogue(str(tree.root), str(tmp_path / "catalogue.parquet"))
    assert not (tmp_path / "catalogue.parquet").exists()


ODD_VALUES = [
    None,
    True,
    -1,
    0,
    1.5,
    1e300,
    10**30,
    "",
    "x",
    "\ud800",
    "../../x",
    "a\0b",
    [],
    [[]],
    {},
    [None],
    {"id": 1},
]


def mutated(value, rng, rate):
    """Change a JSON value here and there: drop, double, retype."""
    if rng.random() < rate:
        return rng.choice(ODD_VALUES)
    if isinstance(value, dict):
        return {name: mutated(inner, rng, rate) for name, inner in value.items() if rng.random() > rate / 2}
    if isinstance(value, list):
        changed = [mutated(inner, rng, rate) for inner in value if rng.random() > rate / 2]
        return changed + changed[:1] if rng.random() < rate else changed
    return value


@pytest.fixture
def rich_tree(tree, pixels):
    for number in range(3):
        image_id = tree.image(
            f"{number}.png",
            pixels(number),
            width=60,
            height=40,
            license=tree.licence("MIT"),
            group="g",
            kind="threat",
        )
        tree.annotation(image_id, bbox=[5, 5, 10, 10], segmentation=[[5, 5, 15, 5, 15, 15]], iscrowd=0)
        tree.annotation(
            image_id, bbox=[5, 5, 10, 10], segmentation={"size": [40, 60], "counts": [400, 20, 1980]}
        )
        tree.annotation(image_id, bbox=[5, 5, 10, 10], segmentation={"size": [40, 60], "counts": "ab0"})
        tree.annotation(image_id, bbox=[15, 10, 15, 10], mask_file=tree.mask("m.png", square()))
    tree.root.joinpath("plain.json").write_text(json.dumps(tree.document))
    return tree


def index_or_refuse(path):
    """Give the number of rows, or the message where the source was refused."""
    try:
        return len(list(index_source(str(path), max_workers=1)))
    except SourceError as error:
        return error.message


def test_mutated_annotations_are_indexed_or_refused_and_nothing_else(rich_tree):
    rng = random.Random(7)
    path = rich_tree.root / "annotations.json"
    outcomes = []
    for turn in range(150):
        document = mutated(rich_tree.document, rng, rng.choice([0.003, 0.01, 0.03]))
        path.write_text(json.dumps(document))
        listed = document.get("images") if isinstance(document, dict) else None
        outcome = index_or_refuse(path)
        if isinstance(outcome, int):
            assert outcome == len(listed), turn
        else:
            assert outcome.count("\n") == 0, turn
        outcomes.append(isinstance(outcome, str))
    assert 1 < sum(outcomes) < 140  # both ends are reached; most damage costs rows, not the file


def test_damaged_bytes_of_annotations_are_indexed_or_refused_and_nothing_else(rich_tree):
    rng = random.Random(8)
    path = rich_tree.root / "annotations.json"
    text = json.dumps(rich_tree.document).encode()
    for _ in range(150):
        damaged = bytearray(text[: rng.randrange(len(text))] if rng.random() < 0.3 else text)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        assert "\n" not in str(index_or_refuse(path))


@pytest.mark.skipif(
    not os.environ.get("RWSC_SCANS"), reason="needs real scans: set RWSC_SCANS to their folder"
)
def test_real_scans_are_all_usable():
    root = os.environ["RWSC_SCANS"]
    listed = list(islice(open_source(root, layout=None, dropped=Counter()), 0, None, 12))
    scans = [examine(scan, Defaults()) for scan in listed]
    assert len(scans) > 50
    assert {scan.status for scan in scans} == {"ok"}
    assert all(level > 100 for scan in scans for level in scan.air_level)
    assert any(thing.mask_rle for scan in scans for thing in scan.objects)
    assert {flag for scan in scans for flag in scan.flags} <= {"several_bags"}
    assert all(scan.bags for scan in scans if scan.kind != "isolated")
    assert all(len(scan.perceptual_hash) == 16 for scan in scans)
