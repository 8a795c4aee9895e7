import pytest
import torch

from rwsc.fusion.network.network import luma
from rwsc.training.baselines.loss import LumaLoss
from rwsc.training.baselines.u2fusion import U2FusionLoss


def test_colour_is_judged_by_its_luminance_and_nothing_else_counts():
    generator = torch.Generator().manual_seed(0)
    fused, item, bag = (torch.rand((2, 3, 20, 22), generator=generator) for _ in range(3))
    loss, mask = U2FusionLoss(), torch.rand(2, 1, 20, 22)
    found = loss(fused, item, bag, mask, network=None, truth_BCHW=bag)
    assert found == loss(luma(fused), luma(item), luma(bag), 0 * mask)
    assert found == loss.judge(luma(fused), luma(item), luma(bag))


def test_a_loss_of_no_method_judges_nothing():
    with pytest.raises(TypeError, match="judge"):
        LumaLoss()
