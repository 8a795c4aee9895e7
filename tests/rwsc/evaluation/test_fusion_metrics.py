import math
from dataclasses import asdict

import numpy as np
import pytest
from reference import fusion_metrics as reference
from support.triples import average, noise, product, scene, triples

from rwsc.evaluation.fusion_metrics import bag_fidelity, fusion_scores
from rwsc.evaluation.regions import region_of


def close(found, expected):
    assert list(found) == list(expected)
    return found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_every_score_of_grey_pictures_is_that_of_the_definition():
    for name, *triple in triples():
        expected = reference.all_scores(*(each.tolist() for each in triple))
        assert close(asdict(fusion_scores(*triple, channels="luma")), expected), name


def test_scores_are_those_of_a_public_package():
    """Printed by cslib 0.1.0 in float64 for the same noise; without flat windows its extra terms do not show."""
    item, bag, _ = noise(1, (64, 64))
    by_cslib = {
        "qabf_zero": 0.24171660151857857,
        "q_s": 0.49534716596426903,
        "q_w": 0.4954399695979813,
        "q_w_edge": 0.3448605418778435,
        "ei": 242.57791435267058,
    }
    scores = asdict(fusion_scores(item, bag, product(item, bag), channels="luma"))
    assert {name: scores[name] for name in by_cslib} == pytest.approx(by_cslib, rel=0, abs=1e-7)


def colour_triple():
    item, bag, mask_HW = scene(2, channels=(3,))
    return (item, bag, average(item, bag)), mask_HW


def test_colour_is_scored_by_its_rounded_luma():
    triple, _ = colour_triple()
    expected = reference.all_scores(*(reference.luma(each) for each in triple))
    assert close(asdict(fusion_scores(*triple, channels="luma")), expected)


@pytest.mark.parametrize("kind", ["frame", "mask", "box"])
def test_colour_is_scored_as_the_mean_of_its_channels_over_a_region(kind):
    triple, mask_HW = colour_triple()
    region_HW = region_of(mask_HW, kind)
    parts = [
        reference.all_scores(
            *(each[..., channel].tolist() for each in triple),
            is_in=lambda y, x: region_HW is None or region_HW[y, x],
        )
        for channel in range(3)
    ]
    expected = {name: sum(part[name] for part in parts) / 3 for name in parts[0]}
    assert close(asdict(fusion_scores(*triple, channels="rgb", region_HW=region_HW)), expected)


def test_colour_is_undefined_where_a_channel_is_and_infinite_where_a_channel_is():
    triple = [np.stack(each, axis=-1) for each in zip(noise(1), noise(2), noise(3), strict=True)]
    triple[2][..., 1] = triple[0][..., 1]
    triple[0][..., 2] = triple[1][..., 2] = 255
    scores = fusion_scores(*triple, channels="rgb")
    assert math.isnan(scores.q_w)
    assert math.isnan(scores.qabf_replicate)
    assert scores.psnr_item == scores.psnr_mean == math.inf
    assert math.isfinite(scores.psnr_joint)


def test_identical_pictures_are_perfect():
    (picture,) = noise(number=1)
    scores = asdict(fusion_scores(picture, picture, picture, channels="luma"))
    perfect = {name: 1.0 for name in ("q_s", "q_w", "q_w_edge", "q_e")} | {
        name: math.inf for name in ("psnr_item", "psnr_bag", "psnr_mean", "psnr_joint")
    }
    assert {name: scores[name] for name in perfect} == pytest.approx(perfect, abs=1e-9)
    assert scores["qabf_zero"] == scores["qabf_replicate"] == pytest.approx(0.97479, abs=5e-6)
    assert scores["mae_item"] == scores["mae_bag"] == 0


def test_of_air_alone_is_defined_what_needs_no_edge():
    air = np.full((20, 20), 255, np.uint8)
    scores = asdict(fusion_scores(air, air, air, channels="luma"))
    undefined = {name for name, value in scores.items() if math.isnan(value)}
    assert undefined == {"qabf_replicate", "q_w", "q_e"}
    assert scores["q_s"] == pytest.approx(1)
    assert scores["ei"] == 0


def test_nothing_beats_the_plain_average_in_the_joint_psnr():
    item, bag, _ = scene(5)
    by_average, *others = (
        fusion_scores(item, bag, fused, channels="luma")
        for fused in (average(item, bag), product(item, bag), item, bag, np.minimum(item, bag))
    )
    assert by_average.psnr_joint > max(other.psnr_joint for other in others)
    assert others[0].psnr_mean == (others[0].psnr_item + others[0].psnr_bag) / 2 != others[0].psnr_joint


def test_outside_the_mask_the_bag_alone_is_compared_in_all_channels():
    (_, bag, fused), mask_HW = colour_triple()
    errors = [int(fused[y, x, c]) - int(bag[y, x, c]) for y, x in np.argwhere(~mask_HW) for c in range(3)]
    found = bag_fidelity(bag, fused, mask_HW=mask_HW)
    assert found.mae == sum(map(abs, errors)) / len(errors)
    mse = sum(each**2 for each in errors) / len(errors)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-12)
    pasted = np.where(mask_HW[..., None], fused, bag)
    assert bag_fidelity(bag, pasted, mask_HW=mask_HW) == (0, math.inf)
    assert all(map(math.isnan, bag_fidelity(bag, fused, mask_HW=np.ones_like(mask_HW))))


def test_pictures_are_left_as_they_are():
    triple, mask_HW = colour_triple()
    before = [each.copy() for each in (*triple, mask_HW)]
    fusion_scores(*triple, channels="rgb", region_HW=mask_HW)
    for each, copy in zip((*triple, mask_HW), before, strict=True):
        np.testing.assert_array_equal(each, copy)


GREY = np.zeros((12, 13), np.uint8)


@pytest.mark.parametrize(
    ("pictures", "options", "message"),
    [
        ((GREY, GREY, GREY[1:]), {"channels": "luma"}, r"\(11, 13\)"),
        ((GREY, GREY.astype(float), GREY), {"channels": "luma"}, "float64"),
        ((GREY, GREY, GREY.astype(np.uint16)), {"channels": "luma"}, "uint16"),
        ((np.zeros((5, 5, 2), np.uint8),) * 3, {"channels": "luma"}, r"\(5, 5, 2\)"),
        ((GREY, GREY, GREY), {"channels": "rgb"}, "no channels 'rgb'"),
        ((np.zeros((5, 5, 3), np.uint8),) * 3, {"channels": "hsv"}, "no channels 'hsv'"),
        ((GREY, GREY, GREY), {"channels": "luma", "region_HW": np.ones((13, 12), bool)}, r"\(13, 12\)"),
        ((GREY, GREY, GREY), {"channels": "luma", "region_HW": np.ones((12, 13))}, "float64"),
    ],
)
def test_what_cannot_be_compared_is_refused(pictures, options, message):
    with pytest.raises(ValueError, match=message):
        fusion_scores(*pictures, **options)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        bag_fidelity(GREY, GREY, mask_HW=np.ones((3, 3), bool))
