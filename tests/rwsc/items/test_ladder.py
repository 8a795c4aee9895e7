from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.scenes import overlap
from support.two_energies import draw_truths, write_truths

from rwsc.errors import AccessDenied, ObjectMissing, StorageError
from rwsc.items.config import ItemsConfig
from rwsc.items.ladder import NOTHING_SEEN, items_of_scan
from rwsc.items.outliner import default_outliner
from rwsc.items.outliner_on_demand import OutlinerOnDemand
from rwsc.items.pixels import decode_alpha, decode_transmission
from rwsc.items.unmix import dilate
from rwsc.sources.examine import Defaults, examine
from rwsc.sources.index import index_source
from rwsc.sources.masks import encode_rle
from rwsc.sources.schema import Scan, SourceObject, SourceScan
from rwsc.storage.prefix import Prefix

pytestmark = pytest.mark.usefixtures("one_torch_thread")

CONFIG = ItemsConfig()
BOX_XYWH = (30.0, 40.0, 61.0, 51.0)


class MustNotBeAsked:
    """In place of an outliner, where a better rung applies."""

    def outline(self, attenuation_HWC, bbox_xywh):
        raise AssertionError("the outliner was asked")


@pytest.fixture
def scan_of(tmp_path):
    """Write an image and have it looked at as an index does."""

    def examined(image, *objects, kind="threat", masks=(), **fields):
        path = tmp_path / "a.png"
        if image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR)
        path.write_bytes(cv2.imencode(".png", image)[1])
        listed = SourceScan(uri=str(path), kind=kind, objects=objects)
        scan = examine(listed, Defaults())
        assert scan.status == "ok"
        things = [
            thing if mask_HW is None else replace(thing, mask_rle=encode_rle(mask_HW))
            for thing, mask_HW in zip(scan.objects, masks or [None] * len(objects), strict=True)
        ]
        return replace(scan, objects=things, **fields)

    return examined


def boxed(bbox_xywh=BOX_XYWH, *, label="gun", flags=()):
    return SourceObject(label=label, bbox_xywh=bbox_xywh, flags=flags)


def cut(scan: Scan, *, config=CONFIG, outliner=None):
    return items_of_scan(scan, config=config, outliner=outliner or MustNotBeAsked())


def placed(row, shape_hw):
    """The row's coverage where it lies in its scan."""
    x, y, w, h = map(int, row.source_bbox)
    whole_HW = np.zeros(shape_hw, np.float32)
    whole_HW[y : y + h, x : x + w] = decode_alpha(row.alpha_png)
    return whole_HW


def assert_outlined(row, mask_HW):
    """All of the item, and little more than the two pixels around it that the optics blur."""
    found_HW = placed(row, mask_HW.shape) >= 0.5
    assert (found_HW & mask_HW).sum() > 0.98 * mask_HW.sum()
    assert not (found_HW & ~dilate(mask_HW, 3)).any()


def as_cut_out(scan, *, alpha=255, hidden=0, dtype=np.uint8):
    """The item alone as RGBA; what is hidden under no coverage is as editors leave it."""
    alpha_HW = np.where(scan.mask_HW, alpha, 0)
    image = np.dstack([np.where(scan.mask_HW[..., None], scan.image, hidden), alpha_HW])
    return (image.astype(np.uint16) * 257) if dtype == np.uint16 else image.astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("hidden", [0, 128, 255])
def test_a_picture_with_its_own_coverage_is_taken_as_it_is(scan_of, made_up, dtype, hidden):
    made = made_up(0, bag=False)
    alpha_HW = np.where(cv2.erode(made.mask_HW.astype(np.uint8), np.ones((3, 3))) > 0, 255, 160)
    scan = scan_of(
        as_cut_out(made, alpha=alpha_HW, hidden=hidden, dtype=dtype),
        SourceObject(label="gun"),
        kind="isolated",
    )
    assert "alpha_mask" in scan.objects[0].flags
    (row,) = cut(scan)
    assert (row.method, row.status, row.reason) == ("given", "ok", None)
    coverage_HW = placed(row, made.mask_HW.shape)
    np.testing.assert_allclose(coverage_HW, np.where(made.mask_HW, alpha_HW, 0) / 255, atol=1 / 255)
    attenuation_HWC = -np.log(decode_transmission(row.transmission_png))
    x, y, w, h = map(int, row.source_bbox)
    inside_HW = made.mask_HW[y : y + h, x : x + w]
    truth_HWC = made.item_HWC[y : y + h, x : x + w]
    # The level of air is not in such a picture: its full scale, 255, stands for the 240 that it was made with.
    assert np.abs(attenuation_HWC - truth_HWC)[inside_HW].mean() < 0.15


def test_an_item_alone_on_the_belt_is_found_without_a_box(scan_of, made_up):
    made = made_up(0, bag=False)
    (row,) = cut(scan_of(made.image, SourceObject(label="gun"), kind="isolated"))
    assert (row.method, row.status, row.reason) == ("threshold", "ok", None)
    assert_outlined(row, made.mask_HW)
    assert row.quality.confidence == 1


def test_of_items_on_the_belt_the_one_in_the_box_is_meant(scan_of, made_up):
    made = made_up(0, bag=False)
    made.image[100:125, 40:100] = 90
    low = (38.0, 98.0, 64.0, 29.0)
    rows = cut(scan_of(made.image, boxed(), boxed(low, label="knife"), kind="isolated"))
    assert [row.method for row in rows] == ["threshold", "threshold"]
    assert_outlined(rows[0], made.mask_HW)
    assert not placed(rows[1], made.mask_HW.shape)[:95].any()


@pytest.mark.parametrize(
    "box_xywh", [(28.0, 38.0, 38.0, 60.0), (28.0, 38.0, 25.0, 22.0), (70.0, 55.0, 30.0, 40.0)]
)
def test_an_item_on_the_belt_that_its_box_cuts_off_is_rejected(scan_of, made_up, box_xywh):
    made = made_up(0, bag=False)
    whole, part = cut(scan_of(made.image, boxed(), boxed(box_xywh), kind="isolated"))
    assert (whole.status, whole.method) == ("ok", "threshold")
    assert (part.status, part.method) == ("rejected", "threshold")
    assert part.reason.startswith("cut off by its box: ")
    (alone,) = cut(scan_of(made.image, boxed(box_xywh), kind="isolated"))
    assert alone.reason == part.reason


def test_items_that_touch_on_the_belt_are_cut_apart_by_their_boxes(scan_of, made_up):
    made = made_up(0, bag=False)
    made.image[88:113, 60:125] = 90
    rows = cut(scan_of(made.image, boxed(), boxed((60.0, 90.0, 65.0, 23.0), label="knife"), kind="isolated"))
    assert [(row.status, row.reason) for row in rows] == [("ok", None)] * 2
    gun_HW, knife_HW = (placed(row, made.mask_HW.shape) >= 0.5 for row in rows)
    assert (gun_HW & made.mask_HW).sum() > 0.98 * made.mask_HW.sum()
    assert not gun_HW[96:].any()
    assert not knife_HW[:86].any()
    assert knife_HW[92:112, 62:123].all()


def test_a_mask_of_an_item_alone_on_the_belt_is_not_unmixed(scan_of, made_up):
    made = made_up(0, bag=False)
    (row,) = cut(scan_of(made.image, boxed(), kind="isolated", masks=[made.mask_HW]))
    assert (row.method, row.status) == ("given", "ok")


def test_a_mask_in_a_bag_goes_before_its_box_and_the_bag_is_taken_away(scan_of, made_up):
    made = made_up(0)
    (row,) = cut(scan_of(made.image, boxed(), masks=[made.mask_HW], air_level=[240.0] * 3))
    assert (row.method, row.status) == ("mask_unmixed", "ok")
    np.testing.assert_array_equal(placed(row, made.mask_HW.shape) >= 0.5, made.mask_HW)
    x, y, w, h = map(int, row.source_bbox)
    found_HWC = -np.log(decode_transmission(row.transmission_png))
    wrong_HWC = np.abs(found_HWC - made.item_HWC[y : y + h, x : x + w])
    assert wrong_HWC[made.mask_HW[y : y + h, x : x + w]].mean() < 0.15


def test_a_bare_box_in_a_bag_is_cut_out_with_a_confidence(scan_of, made_up):
    made = made_up(0)
    (row,) = cut(
        scan_of(made.image, boxed()), outliner=default_outliner(), config=ItemsConfig(min_confidence=0)
    )
    assert row.method == "box_unmixed"
    assert 0 < row.quality.confidence < 1
    assert overlap(placed(row, made.mask_HW.shape) >= 0.5, made.mask_HW) > 0.6


def test_a_box_in_which_nothing_is_seen_is_a_rejected_row_without_pixels(scan_of, made_up):
    made = made_up(0)
    made.image[:] = 240
    made.image[5:30, 5:30] = 60
    (row,) = cut(scan_of(made.image, boxed((70.0, 70.0, 40.0, 40.0))), outliner=default_outliner())
    assert (row.status, row.reason, row.method, row.alpha_png) == ("rejected", NOTHING_SEEN, None, None)


def test_an_empty_belt_is_a_rejected_row(scan_of):
    noise = np.random.default_rng(0).normal(240, 1, (90, 90, 3)).astype(np.uint8)
    (row,) = cut(scan_of(noise, SourceObject(label="gun"), kind="isolated"))
    assert (row.status, row.reason) == ("rejected", "nothing on the belt attenuates")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["outside"], "outside the picture"),
        (["crowd"], "several objects under one mask (crowd)"),
        (["no_box"], "neither a box nor a mask"),
        (["harmless"], "harmless, says its source"),
    ],
)
def test_what_cannot_be_cut_out_says_why_and_its_scan_is_not_read(scan_of, made_up, flags, reason):
    scan = scan_of(made_up(0).image, boxed())
    scan = replace(scan, objects=[replace(scan.objects[0], flags=flags)])
    Path(scan.uri).unlink()
    (row,) = cut(scan)
    assert (row.status, row.reason, row.alpha_png) == ("rejected", reason, None)


def test_one_object_that_cannot_be_cut_out_does_not_cost_the_others(scan_of, made_up):
    made = made_up(0)
    scan = scan_of(
        made.image,
        boxed((500.0, 500.0, 9.0, 9.0)),
        boxed(),
        boxed(),
        masks=[None, made.mask_HW, made.mask_HW],
    )
    scan.objects[2].flags.append("crowd")
    assert [row.status for row in cut(scan)] == ["rejected", "ok", "rejected"]


@pytest.mark.parametrize("damage", ["x", "", "0", encode_rle(np.ones((4, 4), bool)), "empty"])
def test_a_damaged_mask_costs_its_own_row(scan_of, made_up, damage):
    made = made_up(0)
    scan = scan_of(made.image, boxed(), boxed(label="knife"), masks=[made.mask_HW, made.mask_HW])
    damage = encode_rle(np.zeros_like(made.mask_HW)) if damage == "empty" else damage
    scan = replace(scan, objects=[replace(scan.objects[0], mask_rle=damage), scan.objects[1]])
    rows = cut(scan)
    assert [row.status for row in rows] == ["rejected", "ok"]
    assert "mask" in rows[0].reason


def test_a_scan_that_changed_or_vanished_fails_what_was_wanted_of_it(scan_of, made_up):
    made = made_up(0)
    scan = scan_of(made.image, boxed(), boxed((500.0, 500.0, 9.0, 9.0)), masks=[made.mask_HW, None])
    path = Path(scan.uri)
    path.write_bytes(path.read_bytes() + b"more")
    rows = cut(scan)
    assert [row.status for row in rows] == ["failed", "rejected"]
    assert "has changed since it was indexed" in rows[0].reason
    path.unlink()
    assert [row.status for row in cut(scan)] == ["failed", "rejected"]


def test_objects_of_one_scan_are_not_each_others_bag(scan_of, made_up):
    made = made_up(3)
    plate_HW = np.zeros_like(made.mask_HW)
    plate_HW[20:36, 25:110] = True
    made.image[plate_HW] //= 6
    config = ItemsConfig(neighbour_quantile=1)

    def error(scan):
        row = cut(scan, config=config)[0]
        x, y, w, h = map(int, row.source_bbox)
        found_HWC = -np.log(decode_transmission(row.transmission_png))
        return np.abs(found_HWC - made.item_HWC[y : y + h, x : x + w])[
            made.mask_HW[y : y + h, x : x + w]
        ].mean()

    both = scan_of(made.image, boxed(), boxed(label="plate"), masks=[made.mask_HW, plate_HW])
    assert error(both) < 0.5 * error(replace(both, objects=both.objects[:1]))


def test_gray_and_sixteen_bit_scans_give_the_same_item(scan_of, made_up):
    made = made_up(1)

    def item(image, air_level):
        (row,) = cut(scan_of(image, boxed(), masks=[made.mask_HW], air_level=air_level))
        return decode_transmission(row.transmission_png)

    eight = item(made.image, [240.0] * 3)
    sixteen = item(made.image.astype(np.uint16) * 257, [240.0 * 257] * 3)
    np.testing.assert_allclose(sixteen, eight, atol=1e-3)
    gray = item(np.ascontiguousarray(made.image[..., 0]), [240.0])
    np.testing.assert_allclose(gray[..., 0], eight[..., 0], atol=1e-3)


def test_an_id_depends_on_the_annotation_and_not_on_settings(scan_of, made_up):
    made = made_up(0)
    scan = scan_of(made.image, boxed(), boxed(label="knife"), masks=[made.mask_HW, made.mask_HW])
    one, other = (cut(scan, config=config) for config in (CONFIG, ItemsConfig(rim_px=4, min_side_px=90)))
    assert [row.item_id for row in one] == [row.item_id for row in other]
    assert one[0].item_id != one[1].item_id
    assert [row.status for row in other] == ["rejected", "rejected"]
    assert other[0].reason.startswith("too small")
    assert other[0].alpha_png is not None


@pytest.fixture(scope="module", params=["npy", "pairs"])
def two_energies(request, tmp_path_factory):
    """Phantoms of two energies, and the rows of their items alone and in bags."""
    root = tmp_path_factory.mktemp("two")
    truths = draw_truths(4)
    write_truths(Prefix(str(root)), truths, form=request.param, with_masks=request.param == "npy")
    scans = [scan for scan in index_source(str(root)) if scan.objects]
    with OutlinerOnDemand() as outliner:
        rows = [row for scan in scans for row in items_of_scan(scan, config=CONFIG, outliner=outliner)]
    return truths, rows[0::2], rows[1::2], request.param


def test_an_item_of_two_energies_alone_on_the_belt_is_what_was_measured(two_energies):
    truths, alone, _, form = two_energies
    for truth, row in zip(truths, alone, strict=True):
        assert (row.status, row.method) == ("ok", "given" if form == "npy" else "threshold")
        alpha_HW = placed(row, truth.alpha_HW.shape)
        # A threshold takes the blur of steel for matter.
        assert overlap(alpha_HW >= 0.5, truth.alpha_HW >= 0.5) > (0.95 if form == "npy" else 0.8)
        sure_HW = (alpha_HW == 1) & (truth.alpha_HW == 1)
        seen_HW2 = placed_transmission(row, truth.alpha_HW.shape)
        # The noise of 40,000 photons is 0.005; the detector's offset adds 0.0004.
        error_HW2 = np.abs(seen_HW2 - truth.item_true_HW2)[sure_HW]
        assert error_HW2.mean() < 0.005
        assert (seen_HW2[..., 1] - seen_HW2[..., 0])[sure_HW].mean() > 0.02


def test_an_item_of_two_energies_is_unmixed_from_its_bag_energy_by_energy(two_energies):
    truths, _, in_bags, _ = two_energies
    found = [(truth, row) for truth, row in zip(truths, in_bags, strict=True) if row.status == "ok"]
    assert len(found) >= 3
    unmixed, with_bag = [], []
    for truth, row in found:
        assert row.method == "box_unmixed"
        alpha_HW = placed(row, truth.alpha_HW.shape)
        assert overlap(alpha_HW >= 0.5, truth.alpha_HW >= 0.5) > 0.7
        sure_HW = (alpha_HW == 1) & (truth.alpha_HW == 1)
        seen_HW2 = placed_transmission(row, truth.alpha_HW.shape)
        unmixed.append(np.abs(seen_HW2 - truth.item_true_HW2)[sure_HW].mean(axis=0))
        with_bag.append(np.abs(truth.both_true_HW2 - truth.item_true_HW2)[sure_HW].mean(axis=0))
        assert (unmixed[-1] < with_bag[-1]).all()
    # Under a dense item the low energy is nearly lost, with its bag or without.
    assert (np.mean(unmixed, axis=0) < np.array([0.7, 0.45]) * np.mean(with_bag, axis=0)).all()


def placed_transmission(row, shape_hw):
    whole_HW2 = np.ones((*shape_hw, 2), np.float32)
    x, y = (int(side) for side in row.source_bbox[:2])
    seen_HW2 = decode_transmission(row.transmission_png)
    whole_HW2[y : y + row.height, x : x + row.width] = seen_HW2
    return whole_HW2


class Breaks:
    """An outliner with a fault of its own."""

    def outline(self, attenuation_HWC, bbox_xywh):
        raise KeyError("what nobody\nforesaw")


def test_what_nobody_foresaw_fails_the_row_of_its_object_alone(scan_of, made_up):
    made = made_up(0)
    scan = scan_of(made.image, boxed(), boxed(label="knife"), masks=[None, made.mask_HW])
    rows = cut(scan, outliner=Breaks())
    assert [row.status for row in rows] == ["failed", "ok"]
    assert rows[0].reason == "KeyError: 'what nobody\\nforesaw'"
    assert rows[0].alpha_png is None


def test_a_scan_that_cannot_be_reckoned_with_fails_what_was_wanted_of_it(scan_of, made_up):
    made = made_up(0)
    scan = scan_of(made.image, boxed(), boxed((500.0, 500.0, 9.0, 9.0)), masks=[made.mask_HW, None])
    rows = cut(replace(scan, air_level=[0.0] * 3))
    assert [row.status for row in rows] == ["failed", "rejected"]
    assert rows[0].reason.startswith("ValueError: the air level must be positive")


def test_a_box_beside_the_item_costs_its_own_row(scan_of):
    image = np.full((300, 400), 250, np.float32)
    image[100:200, 100:300] = 8
    blurred = np.rint(cv2.GaussianBlur(image, (0, 0), 1.0)).astype(np.uint8)
    things = boxed((98.0, 98.0, 204.0, 104.0)), boxed((60.0, 110.0, 37.0, 50.0))
    rows = cut(scan_of(blurred, *things, kind="isolated"))
    assert [row.status for row in rows] == ["ok", "rejected"]
    assert rows[1].reason.startswith("nothing on the belt attenuates there but the blur")


def test_a_bucket_that_is_down_ends_the_run_and_writes_no_item_off(scan_of, made_up, monkeypatch):
    waiting = [
        ObjectMissing("nothing there"),
        AccessDenied("denied (403)"),
        StorageError("cannot be reached"),
    ]

    def read_uri(uri, **limit):
        raise waiting.pop(0)

    monkeypatch.setattr("rwsc.sources.reread.read_uri", read_uri)
    scan = replace(scan_of(made_up(0).image, boxed()), uri="s3://bucket/a.png")
    assert [cut(scan)[0].reason for _ in range(2)] == ["nothing there", "denied (403)"]
    with pytest.raises(StorageError, match="cannot be reached"):
        cut(scan)
