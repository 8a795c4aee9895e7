import numpy as np
import pytest
import torch
from support.samples import make_samples

from rwsc.training.losses import FusionLoss, LossConfig
from rwsc.training.step import Batch
from rwsc.training.validation import ValidationSums, validate


class Offset(torch.nn.Module):
    """Gives the bag, brighter by a constant: its errors are known."""

    def __init__(self, offset):
        super().__init__()
        self.offset = offset

    def forward(self, item_BCHW, bag_BCHW, mask_B1HW):
        return bag_BCHW + self.offset


def measure(samples, offset=2 / 255):
    return validate(Offset(offset), FusionLoss(LossConfig()), Batch(samples))


def test_a_known_error_outside_the_item_is_found_in_grey_levels():
    metrics = measure(make_samples()).metrics()
    assert metrics["val_mae_outside"] == pytest.approx(2.0, rel=1e-4)
    assert metrics["val_psnr_outside"] == pytest.approx(20 * np.log10(255 / 2), rel=1e-4)


class OffsetInside(Offset):
    """Errs where the item is, and nowhere else."""

    def forward(self, item_BCHW, bag_BCHW, mask_B1HW):
        return bag_BCHW + self.offset * mask_B1HW


def test_what_happens_inside_the_item_is_no_error_outside():
    sums = validate(OffsetInside(0.1), FusionLoss(LossConfig()), Batch(make_samples()))
    assert sums.metrics()["val_mae_outside"] == 0


def test_no_error_is_a_large_finite_psnr():
    metrics = measure(make_samples(), offset=0.0).metrics()
    assert metrics["val_mae_outside"] == 0
    assert metrics["val_psnr_outside"] == pytest.approx(100.0)


def test_parts_merged_equal_the_whole():
    samples = make_samples(number=8)
    whole, merged = measure(samples), ValidationSums()
    for part in (samples[:3], samples[3:6], samples[6:]):
        merged.add(measure(part))
    for name, value in whole.metrics().items():
        assert merged.metrics()[name] == pytest.approx(value, rel=1e-5), name


def test_sums_survive_the_way_between_workers():
    sums = measure(make_samples())
    assert sums.with_vector(sums.to_vector()) == sums


def test_the_model_is_left_in_the_mode_it_was_in():
    model = Offset(0.0).train()
    validate(model, FusionLoss(LossConfig()), Batch(make_samples()))
    assert model.training
