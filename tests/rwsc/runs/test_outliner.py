import hashlib
import json

import pytest
import torch

from rwsc.items.outliner import WEIGHTS, Outliner
from rwsc.items.outliner_network import OutlinerNetwork
from rwsc.items.outliner_weights import unpack
from rwsc.runs.outliner import train_to_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    before = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("outliner")
    train_to_folder(folder, steps=2, batch=2, num_bags=2, seed=3, loader_workers=0)
    torch.set_num_threads(before)
    return folder


def test_weights_and_card_are_written_and_belong_together(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["outliner.json", WEIGHTS]
    card = json.loads((folder / "outliner.json").read_text())
    assert card["sha256"] == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert card["run"] | {"steps": 2, "batch": 2, "num_bags": 2, "seed": 3} == card["run"]
    assert "no real scan" in card["trained_on"]
    assert set(card["last_steps"]) == {"loss", "mean_iou", "share_of_good"}


def test_what_was_written_loads_as_the_package_loads_its_own(folder):
    network = OutlinerNetwork()
    network.load_state_dict(unpack((folder / WEIGHTS).read_bytes()))
    Outliner(network)


def test_what_is_there_is_replaced_by_the_same_bytes(folder):
    before = (folder / WEIGHTS).read_bytes()
    threads = torch.get_num_threads()
    train_to_folder(folder, steps=2, batch=2, num_bags=2, seed=3, loader_workers=1)
    torch.set_num_threads(threads)
    assert (folder / WEIGHTS).read_bytes() == before
