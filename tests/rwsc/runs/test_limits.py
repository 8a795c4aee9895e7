import numpy as np
import pytest
from support.corpora import AIR, bag_image

from rwsc.corpus.drift import Drift
from rwsc.errors import ConfigError
from rwsc.runs.limits import RunLimits, RunStopped, TooFarFromBags, TooManyFailed


def drift_of(num_images):
    """Bags, and images of them that are all a third darker."""
    drift = Drift()
    for number in range(num_images):
        bag = bag_image(number)
        drift.add((bag * 0.67).astype(np.uint8), bag, np.full(3, float(AIR)))
    return drift


def test_a_run_is_ended_by_one_failed_image_more_than_is_borne():
    limits = RunLimits(most_failed=1_000, max_drift=None)
    limits.check_failed(1_000, "corpus")
    with pytest.raises(
        TooManyFailed, match=r"^1,001 images failed, more than the 1,000 that .* stay in corpus"
    ) as found:
        limits.check_failed(1_001, "corpus")
    assert "--retry-failed" in found.value.remedy
    RunLimits(most_failed=None, max_drift=None).check_failed(1_001, "corpus")


def test_a_run_is_ended_where_its_images_were_found_to_drift_too_far():
    limits = RunLimits(most_failed=None, max_drift=0.25)
    limits.check_drift(None, "corpus")
    limits.check_drift(Drift(), "corpus")
    with pytest.raises(
        TooFarFromBags, match=r"more than the 0\.25 that --max-drift bears, by 4 images"
    ) as found:
        limits.check_drift(drift_of(4), "corpus")
    assert "one half of these bags" in found.value.message
    with pytest.raises(RunStopped) as found:
        limits.check_drift(drift_of(1), "corpus")
    assert "one half of these bags" not in found.value.message


@pytest.mark.parametrize("nepers", [float("nan"), float("inf")])
def test_a_drift_that_no_image_could_pass_or_fail_is_refused(nepers):
    with pytest.raises(ConfigError, match=f"--max-drift {nepers} is no number"):
        RunLimits(most_failed=None, max_drift=nepers)
