import json
import math
import random

import numpy as np
import pytest

from rwsc.corpus.drift import Drift
from rwsc.corpus.drift_watch import IMAGES_OF_SHARD, MIN_IMAGES, STRIDE_PX, DriftWatch, ShardDrift

AIR = np.array([250.0])
NUM_SHARDS = 8


def scan_of(seed):
    return np.random.default_rng(seed).integers(100, 220, (30, 40), dtype=np.uint8)


def shard_of(seed, nepers, number=IMAGES_OF_SHARD, channels=1):
    """A shard whose images are darker than their bags throughout."""
    found = ShardDrift()
    for place in range(number):
        bag = scan_of(seed * 100 + place)
        bag = bag if channels == 1 else np.dstack([bag] * channels)
        found.add((bag * np.exp(-nepers)).astype(np.uint8), bag, np.repeat(AIR, channels))
    return found.to_json()


def test_the_drift_is_that_of_all_images_at_once():
    whole, watch = Drift(), DriftWatch(range(3), math.inf)
    for shard in range(3):
        for place in range(IMAGES_OF_SHARD):
            bag = scan_of(shard * 100 + place)
            image = (bag * np.exp(-0.3)).astype(np.uint8)
            whole.add(image[::STRIDE_PX, ::STRIDE_PX], bag[::STRIDE_PX, ::STRIDE_PX], AIR)
        watch.add(shard, shard_of(shard, 0.3))
    assert watch.worst.nepers == whole.nepers == pytest.approx(0.3, abs=0.05)
    assert watch.worst.between_bags_nepers == whole.between_bags_nepers
    assert watch.worst.num_images == 3 * IMAGES_OF_SHARD


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_order_in_which_shards_end_the_same_figures_are_judged(seed):
    found = {number: shard_of(number, 0.05 * number) for number in range(NUM_SHARDS)}
    in_order, shuffled = DriftWatch(found, math.inf), DriftWatch(found, math.inf)
    judged = []
    for number, text in found.items():
        in_order.add(number, text)
        judged.append(in_order.worst and in_order.worst.nepers)
    seen = []
    for number in random.Random(seed).sample(sorted(found), NUM_SHARDS):
        shuffled.add(number, found[number])
        seen.append(shuffled.worst and shuffled.worst.nepers)
    assert set(seen) <= set(judged)
    assert seen[-1] == judged[-1]


@pytest.mark.parametrize("seed", range(5))
def test_images_are_too_far_at_the_same_shard_even_when_many_are_added_at_once(seed):
    found = {number: shard_of(number, 0.05 * number) for number in range(NUM_SHARDS)}
    in_order = DriftWatch(found, 0.1)
    for number, text in found.items():
        in_order.add(number, text)
    late = DriftWatch(found, 0.1)
    for number in [*random.Random(seed).sample(range(1, NUM_SHARDS), NUM_SHARDS - 1), 0]:
        assert late.too_far is None
        late.add(number, found[number])
    assert late.too_far is not None
    assert late.too_far.to_dict() == in_order.too_far.to_dict()
    assert MIN_IMAGES <= late.too_far.num_images < NUM_SHARDS * IMAGES_OF_SHARD


def test_what_is_borne_ends_nothing():
    watch = DriftWatch(range(NUM_SHARDS), 0.5)
    for number in range(NUM_SHARDS):
        watch.add(number, shard_of(number, 0.3))
    assert watch.too_far is None


def test_nothing_is_judged_before_there_are_enough_images_but_in_the_end_all_is():
    watch = DriftWatch(range(NUM_SHARDS), math.inf)
    for number in range(MIN_IMAGES // IMAGES_OF_SHARD):
        assert watch.worst is None
        watch.add(number, shard_of(number, 0.3))
    assert watch.worst is not None
    small = DriftWatch([7], math.inf)
    small.add(7, shard_of(7, 0.3, number=1))
    assert small.worst.nepers == pytest.approx(0.3, abs=0.05)
    empty = DriftWatch([7], math.inf)
    empty.add(7, ShardDrift().to_json())
    assert empty.worst is None


def test_scans_of_other_channels_are_judged_apart_and_the_worse_tell():
    watch = DriftWatch(range(2), math.inf)
    watch.add(0, shard_of(0, 0.0))
    watch.add(1, shard_of(1, 0.4, channels=3))
    assert watch.worst.nepers == pytest.approx(0.4, abs=0.05)


def test_a_stray_scan_of_other_channels_is_not_judged_beside_enough_images():
    shards = MIN_IMAGES // IMAGES_OF_SHARD + 1
    watch = DriftWatch(range(shards), 0.2)
    for number in range(shards - 1):
        watch.add(number, shard_of(number, 0.0))
    watch.add(shards - 1, shard_of(shards - 1, 0.9, number=1, channels=3))
    assert watch.too_far is None
    assert watch.worst.num_images == MIN_IMAGES


def test_a_shard_sends_some_kilobytes_whatever_it_holds():
    many = shard_of(0, 0.1, number=200, channels=3)
    assert many == shard_of(0, 0.1, channels=3)
    assert len(many) < 20_000
    assert json.loads(many)["3"]["number"] == IMAGES_OF_SHARD
