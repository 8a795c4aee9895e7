import json
import math

import numpy as np
import pytest

from rwsc.evaluation.fusion_metrics import bag_fidelity, fusion_scores
from rwsc.evaluation.regions import region_of
from rwsc.evaluation.study_scores import decode_scores, draw_pairs, encode_scores, score_pair, to_8bit
from rwsc.training.phantom_samples import PhantomSource
from rwsc.training.samples import SampleConfig


@pytest.fixture(scope="module")
def pairs():
    return draw_pairs(PhantomSource(2, config=SampleConfig(crop_px=64), seed=3, name="held out"), 3)


def test_pairs_are_a_pure_function_of_the_seed(pairs):
    again = draw_pairs(PhantomSource(2, config=SampleConfig(crop_px=64), seed=3, name="held out"), 3)
    other = draw_pairs(PhantomSource(2, config=SampleConfig(crop_px=64), seed=4, name="held out"), 3)
    for first, second, third in zip(pairs, again, other, strict=True):
        assert np.array_equal(first.sample.item_CHW, second.sample.item_CHW)
        assert np.array_equal(first.bag_HWC, second.bag_HWC)
        assert not np.array_equal(first.bag_HWC, third.bag_HWC)


def test_scores_are_those_of_the_metrics_on_8_bit_pictures(pairs):
    pair = pairs[0]
    fused_CHW = pair.sample.item_CHW * pair.sample.bag_CHW
    fused_HWC, found = to_8bit(fused_CHW), score_pair(pair, fused_CHW)
    for kind in ("box", "frame", "mask"):
        expected = fusion_scores(
            pair.item_HWC, pair.bag_HWC, fused_HWC, channels="luma", region_HW=region_of(pair.mask_HW, kind)
        )
        assert found[f"{kind}.q_e"] == expected.q_e
        assert found[f"{kind}.qabf"] == expected.qabf_replicate
        assert found[f"{kind}.psnr"] == expected.psnr_mean
        assert found[f"{kind}.ei"] == expected.ei
    outside = bag_fidelity(pair.bag_HWC, fused_HWC, mask_HW=pair.sample.mask_1HW[0] > 0)
    assert (found["outside.mae"], found["outside.psnr"]) == outside


def test_the_product_keeps_the_bag_and_a_shift_of_five_levels_is_an_error_of_five(pairs):
    pair = pairs[0]
    product = pair.sample.item_CHW * pair.sample.bag_CHW
    kept = score_pair(pair, product)
    assert kept["outside.mae"] == 0
    assert math.isinf(kept["outside.psnr"])
    dark = np.where(pair.sample.bag_CHW > 0.1, product - np.float32(5 / 255), product + np.float32(5 / 255))
    shifted = score_pair(pair, np.clip(dark, 0, 1))
    assert shifted["outside.mae"] == pytest.approx(5, abs=0.1)
    assert shifted["outside.psnr"] == pytest.approx(20 * math.log10(255 / 5), abs=0.2)


def test_losses_tell_physics_from_a_paste(pairs):
    pair = pairs[0]
    product = score_pair(pair, pair.sample.item_CHW * pair.sample.bag_CHW)
    paste = score_pair(pair, np.where(pair.sample.mask_1HW >= 0.5, pair.sample.item_CHW, pair.sample.bag_CHW))
    assert product["loss.ll"] < paste["loss.ll"]
    assert product["loss.recon"] < 0.1


def test_json_holds_what_it_cannot_and_gives_it_back():
    rows = [{"a": 0.1, "b": math.inf, "c": math.nan}, {"a": -math.inf}]
    text = json.dumps(encode_scores(rows), allow_nan=False)
    (first, second) = decode_scores(json.loads(text))
    assert first["a"] == 0.1
    assert first["b"] == math.inf
    assert math.isnan(first["c"])
    assert second == {"a": -math.inf}
