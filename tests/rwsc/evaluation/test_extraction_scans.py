import math
from dataclasses import replace

import numpy as np
import pytest
from support.corpora import item_image, write_scans
from support.scenes import overlap, seen_scene, write_masked_bags

from rwsc.errors import ConfigError, SourceError
from rwsc.evaluation.extraction_scans import check_scans, mask_of, recomposition_psnr_db
from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Candidate, Cut, extract_item
from rwsc.items.ladder import items_of_scan
from rwsc.items.outliner_on_demand import OutlinerOnDemand
from rwsc.items.pixels import decode_alpha
from rwsc.physics.transmission import to_attenuation, to_transmission
from rwsc.sources.catalogue import iter_scans, read_catalogue, write_catalogue
from rwsc.sources.index import index_to_catalogue
from rwsc.sources.masks import encode_rle
from rwsc.sources.schema import Scan
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix

CONFIG = ItemsConfig()
AIR = 200.0


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    """The catalogue of three bags of groups a, b and c."""
    root = Prefix(str(tmp_path_factory.mktemp("bags")))
    write_masked_bags(root.child("scans"), ["a", "b", "c"])
    index_to_catalogue(root.uri_of("scans"), root.uri_of("catalogue.parquet"))
    return root.uri_of("catalogue.parquet")


@pytest.fixture(scope="module")
def outliner():
    with OutlinerOnDemand() as outliner:
        yield outliner


@pytest.fixture
def belt(tmp_path):
    """The catalogue of four items alone on the belt and two harmless bags, and its folder."""
    root = Prefix(str(tmp_path))
    write_scans(root.child("scans"), num_bags=2)
    index_to_catalogue(root.uri_of("scans"), root.uri_of("catalogue.parquet"))
    return root.uri_of("catalogue.parquet"), tmp_path


def changed(catalogue, output, change):
    write_catalogue(str(output), [change(scan) for scan in iter_scans(read_catalogue(catalogue))])
    return str(output)


def without_masks(scan):
    return replace(scan, objects=[replace(thing, mask_rle=None) for thing in scan.objects])


def test_items_in_bags_are_cut_out_as_the_bank_does_it_from_boxes_alone(bags, outliner):
    checks = list(check_scans(bags, CONFIG, outliner))
    assert [check.group for check in checks] == ["a", "b", "c"]
    for number, (check, scan) in enumerate(zip(checks, iter_scans(read_catalogue(bags)), strict=True)):
        (row,) = items_of_scan(without_masks(scan), config=CONFIG, outliner=outliner)
        assert check.uri == scan.uri
        assert check.label == "gun"
        assert check.reason == row.reason
        if row.alpha_png is None:
            assert (check.method, check.iou, check.confidence) == (None, 0.0, 0.0)
            continue
        x, y, w, h = map(int, row.source_bbox)
        found_HW = np.zeros((scan.height, scan.width), bool)
        found_HW[y : y + h, x : x + w] = decode_alpha(row.alpha_png) > 0.5 - 1e-3
        assert check.method == "box_unmixed"
        assert check.iou == pytest.approx(overlap(found_HW, seen_scene(number).truth_HW), abs=0.01)
        assert check.confidence == pytest.approx(row.quality.confidence)
    assert any(check.method == "box_unmixed" for check in checks)
    assert all(0 <= check.iou_grabcut <= 1 for check in checks)
    assert all(20 < check.recomposition_psnr_db < 100 for check in checks)


def test_groups_can_be_left_out(bags, outliner):
    checks = check_scans(bags, CONFIG, outliner, without_groups=("a", "c"))
    assert [check.group for check in checks] == ["b"]
    with pytest.raises(SourceError, match="no masks to compare with"):
        list(check_scans(bags, CONFIG, outliner, without_groups=("a", "b", "c")))


def test_a_group_that_no_scan_has_is_refused_with_those_there_are(bags, belt, outliner):
    with pytest.raises(
        ConfigError, match=r"no scan of .*catalogue\.parquet is of the group 'A', 'd'"
    ) as caught:
        next(check_scans(bags, CONFIG, outliner, without_groups=("A", "b", "d")))
    assert caught.value.remedy == "groups there are a, b, c"
    with pytest.raises(ConfigError) as caught:
        next(check_scans(belt[0], CONFIG, outliner, without_groups=("a",)))
    assert "state none" in caught.value.remedy


def test_of_many_groups_the_first_are_named(belt, outliner, tmp_path):
    def grouped(scan):
        return replace(scan, group=f"g{next(numbers):02d}")

    scans = list(iter_scans(read_catalogue(belt[0])))
    numbers = iter(range(99))
    write_catalogue(str(tmp_path / "many.parquet"), [grouped(scan) for scan in scans * 5])
    with pytest.raises(ConfigError) as caught:
        next(check_scans(str(tmp_path / "many.parquet"), CONFIG, outliner, without_groups=("x",)))
    assert caught.value.remedy.startswith("groups there are g00, g01, ")
    assert caught.value.remedy.endswith(f", g19 and {5 * len(scans) - 20} more")


def test_items_on_the_belt_are_checked_and_harmless_bags_are_not(belt, outliner):
    checks = list(check_scans(belt[0], CONFIG, outliner))
    assert [check.label for check in checks] == ["gun", "knife", "gun", "knife"]
    for check in checks:
        assert (check.method, check.confidence) == ("threshold", 1.0)
        assert check.iou > 0.6
        assert check.iou_grabcut > 0.9  # a box without a margin, one colour on another


def test_a_catalogue_without_masks_is_refused(belt, outliner, tmp_path):
    uri = changed(belt[0], tmp_path / "bare.parquet", without_masks)
    with pytest.raises(SourceError, match=r"bare\.parquet has no masks to compare with") as caught:
        list(check_scans(uri, CONFIG, outliner))
    assert caught.value.remedy == "index scans that have masks"


def test_unusable_scans_and_crowds_are_not_compared(belt, outliner, tmp_path):
    def change(scan):
        if scan.uri.endswith("items/0.png"):
            return replace(scan, status="rejected", reason="of no use")
        if scan.uri.endswith("items/1.png"):
            return replace(scan, objects=[replace(scan.objects[0], flags=["crowd"])])
        return scan

    checks = list(check_scans(changed(belt[0], tmp_path / "some.parquet", change), CONFIG, outliner))
    assert [check.uri.rsplit("/", 1)[1] for check in checks] == ["2.png", "3.png"]


def test_a_file_that_has_changed_since_is_noticed(belt, outliner):
    catalogue, folder = belt
    image, _ = item_image(77)
    (folder / "scans/items/2.png").write_bytes(encode_image(image))
    checks = check_scans(catalogue, CONFIG, outliner)
    assert [next(checks).label, next(checks).label] == ["gun", "knife"]
    with pytest.raises(SourceError, match=r"items/2\.png has changed since it was indexed"):
        next(checks)


def test_a_damaged_mask_is_named(belt, outliner, tmp_path):
    def damage(scan):
        return replace(scan, objects=[replace(thing, mask_rle="0") for thing in scan.objects])

    with pytest.raises(SourceError, match=r"damaged mask of .*items/0\.png"):
        list(check_scans(changed(belt[0], tmp_path / "damaged.parquet", damage), CONFIG, outliner))


def test_an_empty_mask_cannot_be_cut_out(belt, outliner, tmp_path):
    empty = encode_rle(np.zeros((30, 44), bool))

    def hollow(scan):
        return replace(scan, objects=[replace(thing, mask_rle=empty) for thing in scan.objects])

    for check in check_scans(changed(belt[0], tmp_path / "hollow.parquet", hollow), CONFIG, outliner):
        assert check.recomposition_psnr_db is None
        assert check.iou == 0.0


def scan_row(air_level=(AIR,) * 3):
    return Scan(uri="/a.png", kind="isolated", status="ok", air_level=list(air_level))


def candidate_of(quality, *, bag=1.0, item=0.5, channels=3):
    """Five by four pixels at (3, 2), half of them covered; every figure a binary fraction."""
    alpha_HW = np.zeros((4, 5), np.float32)
    alpha_HW[:2] = 1
    return Candidate(
        bbox_xywh=(3, 2, 5, 4),
        method="given",
        transmission_HWC=np.where(alpha_HW[..., None] > 0, np.float32(item), np.float32(1)).repeat(
            channels, 2
        ),
        alpha_HW=alpha_HW,
        bag_HWC=np.full((4, 5, channels), bag, np.float32),
        quality=quality,
    )


@pytest.fixture(scope="module")
def quality():
    mask_HW = np.zeros((40, 40), bool)
    mask_HW[10:30, 10:30] = True
    return extract_item(
        mask_HW[..., None] * np.float32([1, 1, 1]), Cut(mask_HW=mask_HW, method="given"), CONFIG
    ).quality


def its_scan(*, bag=1.0, item=0.5):
    image = np.full((9, 12, 3), AIR, np.uint8)
    image[2:6, 3:8] = bag * AIR
    image[2:4, 3:8] = bag * item * AIR
    return image


@pytest.mark.parametrize("bag", [1.0, 0.5])
def test_what_gives_the_scan_back_is_infinitely_like_it(quality, bag):
    candidate, image = candidate_of(quality, bag=bag), its_scan(bag=bag)
    assert recomposition_psnr_db(image, candidate, scan_row()) == math.inf
    image[0], image[:, 11] = 7, 9  # what lies beside the item does not count
    assert recomposition_psnr_db(image, candidate, scan_row()) == math.inf


@pytest.mark.parametrize(("y", "x"), [(2, 3), (5, 7)])
def test_one_pixel_that_differs_counts_by_its_square(quality, y, x):
    for grey_levels in (10, 40):
        image = its_scan()
        image[y, x, 1] -= grey_levels
        expected = 10 * math.log10(1 / ((grey_levels / AIR) ** 2 / (4 * 5 * 3)))
        assert recomposition_psnr_db(image, candidate_of(quality), scan_row()) == pytest.approx(
            expected, abs=1e-4
        )


def test_brighter_than_air_is_air_and_alpha_is_no_colour(quality):
    image = its_scan()
    image[4:6, 3:8] = 255
    rgba = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    assert recomposition_psnr_db(image, candidate_of(quality), scan_row()) == math.inf
    assert recomposition_psnr_db(rgba, candidate_of(quality), scan_row()) == math.inf


def test_grey_scans_of_16_bits(quality):
    image = (its_scan()[..., 0].astype(np.uint16)) * 200
    candidate = candidate_of(quality, channels=1)
    assert recomposition_psnr_db(image, candidate, scan_row([AIR * 200])) == math.inf
    image[2, 3] -= 4000
    expected = 10 * math.log10(4 * 5 / (4000 / 40_000) ** 2)
    assert recomposition_psnr_db(image, candidate, scan_row([AIR * 200])) == pytest.approx(expected, abs=1e-4)


def test_an_item_on_air_under_its_own_coverage_comes_back_but_for_rounding():
    image, mask_HW = item_image(3)
    attenuation_HWC = to_attenuation(to_transmission(image, 245.0))
    alpha_HW = mask_HW.astype(np.float32)
    cut = Cut(mask_HW=mask_HW, method="given", alpha_HW=alpha_HW)
    exact = extract_item(attenuation_HWC, cut, CONFIG)
    assert recomposition_psnr_db(image, exact, scan_row([245.0] * 3)) > 100
    np.testing.assert_array_equal(mask_of(exact, image.shape), mask_HW)
