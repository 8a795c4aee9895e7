from dataclasses import replace

import pytest
import torch

from rwsc.items.outliner_network import OutlinerNetwork
from rwsc.training.outliner import OutlinerRun, train_outliner

RUN = OutlinerRun(steps=3, batch=2, num_bags=2, loader_workers=0)


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(run=RUN):
    told = []
    network = train_outliner(run, told.append)
    return network.state_dict(), told


@pytest.fixture(scope="module")
def once():
    return trained()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_every_step_is_told_and_changes_the_weights(once):
    weights, told = once
    assert [progress.step for progress in told] == [1, 2, 3]
    assert all(progress.loss > 0 for progress in told)
    assert all(0 <= value <= 1 for progress in told for value in (progress.mean_iou, progress.share_of_good))
    torch.manual_seed(RUN.seed)
    start = OutlinerNetwork().state_dict()
    assert not [
        name for name in weights if name.endswith("weight") and torch.equal(weights[name], start[name])
    ]


def test_equal_runs_give_equal_weights_and_another_seed_others(once):
    assert same(trained()[0], once[0])
    assert not same(trained(replace(RUN, seed=8))[0], once[0])


def test_the_weights_do_not_depend_on_who_draws_the_phantoms(once):
    weights, told = trained(replace(RUN, loader_workers=1))
    assert same(weights, once[0])
    assert told == once[1]


def test_the_network_comes_back_ready_for_use():
    network = train_outliner(replace(RUN, steps=1), lambda progress: None)
    assert isinstance(network, OutlinerNetwork)
    assert not network.training


def test_it_learns():
    told = []
    train_outliner(replace(RUN, steps=24, batch=3, learning_rate=2e-2), told.append)
    first, last = ([progress.loss for progress in part] for part in (told[:6], told[-6:]))
    assert sum(last) < 0.93 * sum(first)
