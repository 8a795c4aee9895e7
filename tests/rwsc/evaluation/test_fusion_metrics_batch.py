from dataclasses import asdict

import numpy as np
import pytest
import torch
from support.triples import product, scene, triples

from rwsc.evaluation.fusion_metrics import fusion_scores
from rwsc.evaluation.fusion_metrics_batch import fusion_scores_batch, to_luma_batch
from rwsc.evaluation.luma import to_luma
from rwsc.evaluation.regions import region_of

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
TOLERANCE = 1e-9


@pytest.fixture(params=DEVICES)
def device(request):
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return request.param


def equal(found, expected):
    assert list(found[0]) == list(expected[0])
    for row, other in zip(found, expected, strict=True):
        assert row == pytest.approx(other, rel=TOLERANCE, abs=TOLERANCE, nan_ok=True)


def rows(scores):
    assert all(score.dtype == torch.float64 for score in scores.values())
    return [
        dict(zip(scores, values, strict=True))
        for values in zip(*map(torch.Tensor.tolist, scores.values()), strict=True)
    ]


def colour_scenes(number=4):
    """Items, bags and fusions (B, H, W, 3), and masks; the last one is air alone with an empty mask."""
    items, bags, masks = map(
        np.stack, zip(*(scene(seed, channels=(3,)) for seed in range(number)), strict=True)
    )
    items[-1] = bags[-1] = 255
    masks[-1] = False
    return (items, bags, product(items, bags)), masks


def to_tensor(pictures, device):
    return torch.from_numpy(pictures).movedim(-1, 1).contiguous().to(device)


def test_grey_pictures_score_as_one_by_one(device):
    for _, *triple in triples():
        tensors = [torch.from_numpy(each.copy())[None, None].to(device) for each in triple]
        expected = asdict(fusion_scores(*triple, channels="luma"))
        equal(rows(fusion_scores_batch(*tensors)), [expected])


@pytest.mark.parametrize("kind", ["frame", "mask", "box"])
def test_a_batch_in_colour_scores_as_one_by_one(kind, device):
    (items, bags, fused), masks = colour_scenes()
    regions = [region_of(mask_HW, kind) for mask_HW in masks]
    expected = [
        asdict(fusion_scores(*triple, channels="rgb", region_HW=region_HW))
        for *triple, region_HW in zip(items, bags, fused, regions, strict=True)
    ]
    region = None if kind == "frame" else torch.from_numpy(np.stack(regions))[:, None].to(device)
    tensors = [to_tensor(each, device) for each in (items, bags, fused)]
    equal(rows(fusion_scores_batch(*tensors, region_B1HW=region)), expected)


def test_a_picture_scores_the_same_in_any_batch(device):
    (items, bags, fused), _ = colour_scenes()
    tensors = [to_tensor(each, device) for each in (items, bags, fused)]
    parts = [fusion_scores_batch(*(each[at : at + 1] for each in tensors)) for at in range(len(items))]
    equal(rows(fusion_scores_batch(*tensors)), [row for part in parts for row in rows(part)])


def test_luma_of_a_batch_is_that_of_its_pictures(device):
    levels = np.random.default_rng(0).integers(0, 256, (3, 64, 50, 3), dtype=np.uint8)
    found_B1HW = to_luma_batch(to_tensor(levels, device))
    assert found_B1HW.dtype == torch.uint8
    np.testing.assert_array_equal(found_B1HW[:, 0].cpu(), np.stack([to_luma(each) for each in levels]))


def test_what_is_not_8_bit_or_of_one_shape_is_refused():
    grey = torch.zeros((2, 1, 12, 12), dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"torch\.float32"):
        fusion_scores_batch(grey, grey, grey.float())
    with pytest.raises(ValueError, match=r"\(1, 1, 12, 12\)"):
        fusion_scores_batch(grey, grey[:1], grey)
