from itertools import pairwise

import pytest
from pydantic import ValidationError

from rwsc.fusion.baselines.config import BASELINE_NAMES, BaselineConfig
from rwsc.fusion.baselines.methods import DEVIATIONS, build_baseline
from rwsc.training.step import learning_rate

# Counts of the published networks; DeepFuse's is that of the paper's text, without batch normalisation.
PARAMETERS = {
    "u2fusion": 659_217,
    "fusiongan": 925_633,
    "fusiongan_swapped": 925_633,
    "deepfuse": 88_961,
    "mefnet": 26_461,
}


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_networks_have_the_published_number_of_parameters(method):
    network = build_baseline(BaselineConfig(method=method))
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[method]


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_a_divisor_narrows_every_layer_but_the_ends(method):
    counts = [
        sum(
            p.numel()
            for p in build_baseline(BaselineConfig(method=method, width_divisor=divisor)).parameters()
        )
        for divisor in (1, 2, 4)
    ]
    assert counts[0] > 3 * counts[1] > 9 * counts[2]


def test_deviations_are_stated_for_every_method_as_a_sentence():
    assert set(DEVIATIONS) == set(BASELINE_NAMES)
    for text in DEVIATIONS.values():
        assert text.endswith(".")
        assert "\n" not in text
    assert "VGG-16" in DEVIATIONS["u2fusion"]
    assert "item and bag" in DEVIATIONS["fusiongan"]


def test_deviations_state_the_schedule_that_training_follows():
    for text in DEVIATIONS.values():
        assert "learning rate falling linearly to zero over the second half of the steps" in text
    rates = [learning_rate(step, steps=100, peak=1.0) for step in range(100)]
    assert rates[:51] == [1.0] * 51
    falls = [before - after for before, after in pairwise(rates[50:])]
    assert falls == pytest.approx([1 / 50] * 49)
    assert rates[-1] == pytest.approx(1 / 50)


@pytest.mark.parametrize("values", [{}, {"method": "rwsc"}, {"method": "mefnet", "width_divisor": 3}])
def test_settings_of_no_baseline_are_refused(values):
    with pytest.raises(ValidationError):
        BaselineConfig(**values)
