import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from support.things import thing

from rwsc.errors import ObjectExists, SourceError
from rwsc.items.bank import ItemBank
from rwsc.items.build import build_items
from rwsc.items.config import ItemsConfig
from rwsc.items.pixels import decode_alpha, decode_transmission
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix

from .conftest import item_mask

CONFIG = ItemsConfig(workers=2)
NEITHER = "neither a box nor a mask"


def rows_of(uri):
    return pq.read_table(uri).to_pylist()


def build(maker, **options):
    target = str(maker.root / "items.parquet")
    summary = build_items(maker.write(), target, CONFIG, overwrite=True, **options)
    return summary, rows_of(target)


def test_every_object_of_a_usable_scan_is_one_row(maker, made_up, masked):
    scan = made_up(0)
    tiny_HW = np.zeros_like(scan.mask_HW)
    tiny_HW[100:104, 100:104] = True
    maker.add(
        scan.image,
        [
            masked(scan.mask_HW),
            masked(None, label="knife", flags=["no_box"]),
            masked(None, flags=["outside"]),
            masked(tiny_HW, label="bullet"),
        ],
    )
    maker.add(made_up(1).image, [])
    maker.add(made_up(2).image, [masked(scan.mask_HW)], status="rejected", reason="same content as another")
    summary, rows = build(maker)
    assert [(row["label"], row["status"], row["reason"]) for row in rows] == [
        ("gun", "ok", None),
        ("knife", "rejected", NEITHER),
        ("gun", "rejected", "outside the picture"),
        ("bullet", "rejected", "too small: 4 px across, least is 12"),
    ]
    assert summary.num_rows == 4
    assert summary.by_status == {"ok": 1, "rejected": 3}
    assert summary.by_class == {
        "gun": {"ok": 1, "rejected": 1},
        "knife": {"rejected": 1},
        "bullet": {"rejected": 1},
    }
    assert summary.by_reason["too small"] == 1
    assert summary.num_physical_items == 1


def test_a_row_carries_what_its_scan_knows(maker, made_up, masked):
    made = made_up(0)
    scan = maker.add(
        made.image,
        [masked(made.mask_HW)],
        licence="academic",
        split="val",
        subset="extra",
        group="g",
        scanner_id="s",
    )
    _, (row,) = build(maker)
    assert (row["licence"], row["split"], row["subset"], row["group"]) == ("academic", "val", "extra", "g")
    assert (row["dataset"], row["scanner_id"], row["source_scan_id"]) == (scan.dataset, "s", scan.scan_id)
    assert row["method"] == "mask_unmixed"
    assert row["source_bbox"] == [29.0, 39.0, 63.0, 53.0]
    assert (row["width"], row["height"]) == (63, 53)
    assert row["quality"]["area_px"] == made.mask_HW.sum()


def test_an_empty_split_stays_null(maker, made_up, masked):
    made = made_up(0)
    maker.add(made.image, [masked(made.mask_HW)])
    _, (row,) = build(maker)
    assert row["split"] is None


def test_ids_come_from_the_content_and_not_from_order_or_settings(maker, made_up, masked):
    for seed in range(4):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW), masked(None)])
    _, rows = build(maker)
    maker.scans.reverse()
    _, reversed_rows = build(maker)
    assert sorted(row["item_id"] for row in rows) == sorted(row["item_id"] for row in reversed_rows)
    assert len({row["item_id"] for row in rows}) == 8


def test_cut_outs_of_one_group_and_class_and_alike_ones_are_one_thing(maker, made_up, masked):
    shapes = [item_mask(130, 130), item_mask(130, 130), thing(4, side_px=130)[1] > 0]
    for number, (shape, group) in enumerate([(0, "g"), (2, "g"), (1, None), (0, "h"), (2, None)]):
        maker.add(scan_of(shapes[shape], number), [masked(shapes[shape])], group=group, dataset="d")
    maker.add(scan_of(shapes[0], 9), [masked(shapes[0], label="knife")], group="g", dataset="d")
    summary, rows = build(maker)
    assert all(row["status"] == "ok" for row in rows)
    things = [row["physical_item_id"] for row in rows]
    assert set(things[:5]) == {min(row["item_id"] for row in rows[:5])}
    assert things[5] == rows[5]["item_id"]
    assert (summary.num_physical_items, summary.largest_physical_item) == (2, 5)


def test_items_alone_on_the_belt_that_the_source_names_stay_what_it_says(maker, masked):
    mask_HW = item_mask(130, 130)
    for number, group in enumerate(["a", "a", "b", None]):
        maker.add(scan_of(mask_HW, number), [masked(mask_HW)], kind="isolated", group=group, dataset="d")
    _, rows = build(maker)
    assert [row["identity_stated"] for row in rows] == [True, True, True, False]
    things = [row["physical_item_id"] for row in rows]
    # The last one's source says nothing, so it may be any of them, and they with it.
    assert len(set(things)) == 1
    maker.scans.pop()
    _, rows = build(maker)
    things = [row["physical_item_id"] for row in rows]
    assert things[0] == things[1] != things[2]


def test_physical_ids_do_not_depend_on_the_order_of_the_scans(maker, made_up, masked):
    shapes = [item_mask(130, 130), thing(4, side_px=130)[1] > 0, thing(6, side_px=130)[1] > 0]
    for number in range(9):
        mask_HW = shapes[number % 3]
        maker.add(scan_of(mask_HW, number), [masked(mask_HW), masked(None)], group=str(number // 2))
    things = []
    for _ in range(3):
        _, rows = build(maker)
        things.append({row["item_id"]: row["physical_item_id"] for row in rows})
        maker.scans.append(maker.scans.pop(0))
    assert things[0] == things[1] == things[2]


def scan_of(mask_HW, seed):
    """A scan of a thing alone, with noise."""
    noise = np.random.default_rng(seed).normal(0, 1, (*mask_HW.shape, 3))
    return np.clip(240 * np.exp(-0.9 * mask_HW[..., None]) + noise, 0, 255).astype(np.uint8)


def test_an_object_annotated_twice_is_kept_once(maker, made_up, masked):
    made = made_up(0)
    maker.add(made.image, [masked(made.mask_HW), masked(made.mask_HW)])
    _, rows = build(maker)
    assert [(row["status"], row["reason"]) for row in rows] == [("ok", None), ("rejected", "annotated twice")]


def test_two_annotations_of_one_object_under_different_ids_are_kept_once(maker, made_up, masked):
    made = made_up(0)
    smaller_HW = made.mask_HW.copy()
    smaller_HW[40:42] = False
    other_HW = np.zeros_like(made.mask_HW)
    other_HW[95:115, 20:110] = True
    maker.add(
        made.image,
        [masked(made.mask_HW), masked(smaller_HW), masked(smaller_HW, label="knife"), masked(other_HW)],
        kind="isolated",
    )
    _, rows = build(maker)
    assert len({row["item_id"] for row in rows}) == 4
    assert [row["reason"] for row in rows][:3] == [None, "annotated twice", None]
    assert rows[3]["reason"] != "annotated twice"


def test_a_person_overrules_the_gate_and_the_row_says_so(maker, made_up, masked):
    made = made_up(0)
    tiny_HW = np.zeros_like(made.mask_HW)
    tiny_HW[100:104, 100:104] = True
    maker.add(
        made.image, [masked(made.mask_HW), masked(tiny_HW), masked(None, label="knife", flags=["no_box"])]
    )
    _, rows = build(maker)
    lines = [
        f"{row['item_id']},{word},why" for row, word in zip(rows, ["reject", "accept", "accept"], strict=True)
    ]
    review = maker.root / "review.csv"
    review.write_text("\n".join(["item_id,decision,note", *lines, "unheard-of,reject,"]))
    summary, rows = build(maker, review_uri=str(review))
    assert [(row["status"], row["reason"], row["review"]) for row in rows] == [
        ("rejected", "rejected in review: why", "reject"),
        ("ok", None, "accept"),
        ("rejected", NEITHER, "accept"),
    ]
    assert rows[1]["overruled_reason"] == "too small: 4 px across, least is 12"
    assert rows[1]["quality"]["area_px"] == 16
    assert summary.review == {"rejected": 1, "accepted": 1, "no pixels": 1, "unknown": 1}
    assert summary.by_reason["rejected in review"] == 1
    assert [item.item_id for item in ItemBank.load(str(maker.root / "items.parquet"))] == [rows[1]["item_id"]]


def test_an_object_annotated_twice_cannot_be_accepted_twice(maker, made_up, masked):
    made = made_up(0)
    maker.add(made.image, [masked(made.mask_HW), masked(made.mask_HW)])
    _, rows = build(maker)
    review = maker.root / "review.csv"
    review.write_text(f"item_id,decision\n{rows[0]['item_id']},accept\n")
    summary, rows = build(maker, review_uri=str(review))
    assert [row["status"] for row in rows] == ["ok", "rejected"]
    assert summary.review == {"agreed": 1}


@pytest.mark.parametrize(
    ("accepted", "statuses", "outcome"),
    [
        ((1,), ["rejected", "ok"], {"agreed": 1}),
        ((0,), ["ok", "rejected"], {"agreed": 1}),
        ((0, 1), ["ok", "rejected"], {"agreed": 1, "annotated twice": 1}),
    ],
)
def test_of_two_annotations_of_one_object_the_one_that_a_person_accepted_stays(
    maker, made_up, masked, accepted, statuses, outcome
):
    made = made_up(0)
    smaller_HW = made.mask_HW.copy()
    smaller_HW[40:42] = False
    maker.add(made.image, [masked(made.mask_HW), masked(smaller_HW)], kind="isolated")
    _, rows = build(maker)
    assert [row["status"] for row in rows] == ["ok", "rejected"]
    review = maker.root / "review.csv"
    lines = [f"{rows[number]['item_id']},accept" for number in accepted]
    review.write_text("\n".join(["item_id,decision", *lines]))
    summary, rows = build(maker, review_uri=str(review))
    assert [row["status"] for row in rows] == statuses
    assert {row["reason"] for row in rows} == {None, "annotated twice"}
    assert summary.review == outcome
    assert summary.by_status == {"ok": 1, "rejected": 1}


def test_a_bad_review_stops_the_build_before_it_starts(maker, made_up, masked):
    made = made_up(0)
    maker.add(made.image, [masked(made.mask_HW)])
    review = maker.root / "review.csv"
    review.write_text("item_id,decision\na,maybe\n")
    with pytest.raises(SourceError, match="line 2"):
        build(maker, review_uri=str(review))
    assert not (maker.root / "items.parquet").exists()


def test_two_builds_at_once_leave_one_whole_bank_and_nothing_else(maker, made_up, masked):
    for seed in range(3):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW)])
    maker.write()
    folder = maker.root / "bank"
    code = (
        "import sys\nfrom rwsc.items.build import build_items\n"
        "for _ in range(4): build_items(sys.argv[1], sys.argv[2], overwrite=True)"
    )
    command = [sys.executable, "-c", code, maker.catalogue_uri, str(folder)]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert [path.name for path in folder.iterdir()] == ["items.parquet"]
    assert len(ItemBank.load(str(folder))) == 3


def test_a_build_that_breaks_off_leaves_no_file(maker, made_up, masked, monkeypatch):
    made = made_up(0)
    maker.add(made.image, [masked(made.mask_HW)])

    def interrupt(members):
        raise KeyboardInterrupt

    monkeypatch.setattr("rwsc.items.build.physical_ids", interrupt)
    maker.write()
    with pytest.raises(KeyboardInterrupt):
        build_items(maker.catalogue_uri, str(maker.root / "bank"), CONFIG)
    assert list((maker.root / "bank").iterdir()) == []


def test_a_scan_that_changed_or_vanished_fails_its_items_and_no_others(maker, made_up, masked):
    for seed in range(3):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW), masked(None, flags=["no_box"])])
    Path(maker.scans[0].uri).write_bytes(Path(maker.scans[1].uri).read_bytes())
    Path(maker.scans[2].uri).unlink()
    summary, rows = build(maker)
    assert [row["status"] for row in rows] == ["failed", "rejected", "ok", "rejected", "failed", "rejected"]
    assert "has changed since it was indexed" in rows[0]["reason"]
    assert summary.by_status == {"failed": 2, "rejected": 3, "ok": 1}


def test_nothing_is_replaced_unasked_and_a_folder_is_an_address(maker, made_up, masked):
    made = made_up(0)
    maker.add(made.image, [masked(made.mask_HW)])
    folder = str(maker.root / "bank")
    build_items(maker.write(), folder, CONFIG)
    assert (maker.root / "bank/items.parquet").exists()
    with pytest.raises(ObjectExists) as caught:
        build_items(maker.catalogue_uri, folder, CONFIG)
    assert "--overwrite" in caught.value.remedy
    build_items(maker.catalogue_uri, folder, CONFIG, overwrite=True)


def test_the_rows_do_not_depend_on_the_number_of_threads(maker, made_up, masked):
    for seed in range(5):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW)])
    maker.write()
    build_items(maker.catalogue_uri, str(maker.root / "one.parquet"), ItemsConfig(workers=1))
    build_items(maker.catalogue_uri, str(maker.root / "five.parquet"), ItemsConfig(workers=5))
    assert (maker.root / "one.parquet").read_bytes() == (maker.root / "five.parquet").read_bytes()


def test_a_source_in_any_store_becomes_a_bank_there(store_uri, made_up):
    made = made_up(0)
    bbox = [30, 40, 61, 51]
    document = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "absent.png"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": bbox, "mask_file": "masks/a.png"}],
        "categories": [{"id": 1, "name": "gun"}],
    }
    source = Prefix(store_uri).child("source")
    source.write("annotations/instances_train.json", json.dumps(document).encode())
    source.write("images/a.png", cv2.imencode(".png", made.image[..., ::-1])[1].tobytes())
    source.write("annotations/masks/a.png", cv2.imencode(".png", made.mask_HW * np.uint8(255))[1].tobytes())
    summary = index_to_catalogue(source.uri, f"{store_uri}/catalogue.parquet")
    assert summary.by_status == {"ok": 1, "failed": 1}
    build_items(f"{store_uri}/catalogue.parquet", f"{store_uri}/bank", CONFIG)
    (item,) = ItemBank.load(f"{store_uri}/bank", splits=["train"])
    assert item.label == "gun"
    assert (item.alpha_HW >= 0.5).sum() == made.mask_HW.sum()
    with pytest.raises(ObjectExists):
        build_items(f"{store_uri}/catalogue.parquet", f"{store_uri}/bank", CONFIG)


def some_real_scans(folder):
    """A COCO file in `folder` over the first masked scans of each kind; images stay where they are."""
    root = Path(os.environ["RWSC_SCANS"])
    document = json.loads((root / "annotations.json").read_text())
    masked = {note["image_id"] for note in document["annotations"] if note.get("mask_file")}
    document["images"] = [image for image in document["images"] if image["id"] in masked][::3]
    kept = {image["id"] for image in document["images"]}
    document["annotations"] = [note for note in document["annotations"] if note["image_id"] in kept]
    (folder / "annotations.json").write_text(json.dumps(document))
    for name in ("images", "masks"):
        (folder / name).symlink_to(root / name)
    return str(folder)


@pytest.mark.skipif(
    not os.environ.get("RWSC_SCANS"), reason="needs real scans: set RWSC_SCANS to their folder"
)
def test_items_of_real_scans_come_out_whole(tmp_path):
    catalogue_uri = str(tmp_path / "catalogue.parquet")
    index_to_catalogue(some_real_scans(tmp_path), catalogue_uri)
    summary = build_items(catalogue_uri, str(tmp_path / "items"))
    assert summary.by_status["failed"] == 0
    assert summary.by_class["gun"]["ok"] >= 15
    assert summary.by_class["knife"]["ok"] >= 10
    scan_uris = {scan.scan_id: scan.uri for scan in iter_scans(read_catalogue(catalogue_uri))}
    for row in (row for row in rows_of(tmp_path / "items/items.parquet") if row["status"] == "ok"):
        covered_HW = decode_alpha(row["alpha_png"]) >= 0.5
        assert 0.1 < -np.log(decode_transmission(row["transmission_png"]))[covered_HW].mean() < 5
        assert (
            max(overlaps_with_files(covered_HW, row["source_bbox"], scan_uris[row["source_scan_id"]])) > 0.8
        )


def overlaps_with_files(covered_HW, bbox_xywh, scan_uri):
    """Intersection over union of a cut-out's coverage with each mask file of its scan."""
    x, y, w, h = map(int, bbox_xywh)
    stem = Path(scan_uri).stem
    for path in Path(os.environ["RWSC_SCANS"]).glob(f"masks/*/{stem}*.png"):
        file_HW = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0
        whole_HW = np.zeros_like(file_HW)
        whole_HW[y : y + h, x : x + w] = covered_HW
        yield (whole_HW & file_HW).sum() / (whole_HW | file_HW).sum()
