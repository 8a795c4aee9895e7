import json
import os
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from rwsc.errors import ObjectExists
from rwsc.items.bank import ItemBank
from rwsc.items.build import NO_MASK, build_items, items_of_scan
from rwsc.items.config import ItemsConfig
from rwsc.items.pixels import decode_alpha, decode_transmission
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix

CONFIG = ItemsConfig(workers=2)


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
            masked(None, label="knife"),
            masked(None, flags=["outside"]),
            masked(tiny_HW, label="bullet"),
        ],
    )
    maker.add(made_up(1).image, [])
    maker.add(made_up(2).image, [masked(scan.mask_HW)], status="rejected", reason="same content as another")
    summary, rows = build(maker)
    assert [(row["label"], row["status"], row["reason"]) for row in rows] == [
        ("gun", "ok", None),
        ("knife", "rejected", NO_MASK),
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


def test_a_mask_over_a_crowd_of_objects_is_not_cut_out_as_one_item(maker, made_up, masked):
    scan = made_up(0)
    maker.add(scan.image, [masked(scan.mask_HW, flags=["crowd"])])
    maker.add(made_up(1).image, [masked(scan.mask_HW)])
    _, rows = build(maker)
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("rejected", "several objects under one mask (crowd)"),
        ("ok", None),
    ]


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


def test_items_alone_on_the_belt_are_not_unmixed(maker, made_up, masked):
    made = made_up(0, bag=False)
    maker.add(made.image, [masked(made.mask_HW)], kind="isolated")
    _, (row,) = build(maker)
    assert (row["method"], row["status"]) == ("mask", "ok")


def test_ids_come_from_the_content_and_not_from_order_or_settings(maker, made_up, masked):
    for seed in range(4):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW), masked(None)])
    _, rows = build(maker)
    maker.scans.reverse()
    _, reversed_rows = build(maker)
    assert sorted(row["item_id"] for row in rows) == sorted(row["item_id"] for row in reversed_rows)
    assert len({row["item_id"] for row in rows}) == 8


def test_cut_outs_of_one_group_and_class_count_as_one_thing(maker, made_up, masked):
    for seed, group in enumerate(["g", "g", "h", None, None]):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW)], group=group, dataset="d")
    summary, rows = build(maker)
    things = [row["physical_item_id"] for row in rows]
    assert things[0] == things[1] != things[2]
    assert things[3:] == [row["item_id"] for row in rows[3:]]
    assert summary.num_physical_items == 4


def test_an_object_annotated_twice_is_kept_once(maker, made_up, masked):
    made = made_up(0)
    maker.add(made.image, [masked(made.mask_HW), masked(made.mask_HW)])
    _, rows = build(maker)
    assert [(row["status"], row["reason"]) for row in rows] == [("ok", None), ("rejected", "annotated twice")]


def test_a_scan_that_changed_or_vanished_fails_its_items_and_no_others(maker, made_up, masked):
    for seed in range(3):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW), masked(None)])
    Path(maker.scans[0].uri).write_bytes(Path(maker.scans[1].uri).read_bytes())
    Path(maker.scans[2].uri).unlink()
    summary, rows = build(maker)
    assert [row["status"] for row in rows] == ["failed", "rejected", "ok", "rejected", "failed", "rejected"]
    assert "has changed since it was indexed" in rows[0]["reason"]
    assert summary.by_status == {"failed": 2, "rejected": 3, "ok": 1}


def test_scans_without_masks_are_not_read_again(maker, made_up, masked):
    scan = maker.add(made_up(0).image, [masked(None)])
    Path(scan.uri).unlink()
    assert [row.reason for row in items_of_scan(scan, config=CONFIG)] == [NO_MASK]


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
