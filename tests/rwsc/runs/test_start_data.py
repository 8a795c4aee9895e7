import pytest
from support.things import item_row, thing, write_bank

from rwsc.config import output_values
from rwsc.errors import ConfigError
from rwsc.evaluation.study import Arm, StudyConfig
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.runs.held_out import open_held_out
from rwsc.runs.start_data import bag_names, read_starts, shared_text
from rwsc.runs.train import read_inputs
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY
from rwsc.sources.catalogue import write_catalogue
from rwsc.sources.schema import Scan
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig

SPLITS = ("train", "val", "other")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A bank and a catalogue with one item and one bag in each split."""
    folder = tmp_path_factory.mktemp("data")
    scans = [
        Scan(
            kind="benign", status="ok", uri=f"{number}.png", sha256=f"{number:064x}", scan_id=f"{number:016x}",
            dataset="d", licence="CC0", split=split, group=f"g-{split}", width=60, height=50, air_level=[255.0],
        )
        for number, split in enumerate(SPLITS)
    ]  # fmt: skip
    rows = [item_row(split, thing(number), split=split) for number, split in enumerate(SPLITS)]
    catalogue = str(folder / "catalogue.parquet")
    write_catalogue(catalogue, scans)
    return {"items": write_bank(str(folder / "items"), rows), "bags": catalogue}


def weights_of(folder, **settings):
    """Weights whose card says what a run with these settings would write."""
    run = Prefix(str(folder / "start"))
    network = {"stage_channels": (4, 8), "hidden_channels": 4}
    config = TrainConfig(output=run.uri, network=network, **settings)
    inputs = read_inputs(config)
    card = WeightsCard(
        network=config.network_config(),
        code_version="0",
        training=output_values(config),
        data_hashes=inputs.hashes,
        data_licence=inputs.licence or "",
    )
    weights, text = encode_weights(RwscNetwork(config.network_config()), card)
    run.write(WEIGHTS_KEY, weights)
    run.write(CARD_KEY, text)
    return run.uri


def open_with(data, start_from, **settings):
    arms = [Arm(name="fresh"), Arm(name="tuned", set={"start_from": start_from})]
    return open_held_out(StudyConfig(output="out", arms=arms, held_out_splits=["val"], **data, **settings))


@pytest.mark.parametrize("split", [None, "val"])
def test_weights_that_were_trained_on_what_is_held_out_are_refused(data, tmp_path, split):
    start = weights_of(tmp_path, split=split, **data)
    with pytest.raises(ConfigError, match=r"arm 'tuned' starts from .* held out: the physical item 'val'"):
        open_with(data, start)


def test_bags_alone_or_items_alone_are_enough(data, tmp_path):
    items = write_bank(str(tmp_path / "elsewhere"), [item_row("x", thing(9))])
    start = weights_of(tmp_path, items=items, bags=data["bags"])
    with pytest.raises(ConfigError, match=r"held out: the group of bags 'd/g-val' .1 in all."):
        open_with(data, start)


@pytest.mark.parametrize("split", ["train", "other"])
def test_weights_that_were_trained_on_other_splits_are_taken(data, tmp_path, split):
    open_with(data, weights_of(tmp_path, split=split, **data))


def test_weights_of_phantoms_and_of_unknown_data_are_taken(data, tmp_path):
    open_with(data, "default")
    open_with(data, weights_of(tmp_path, phantoms=3))
    start = weights_of(tmp_path, split="train", **data)
    other = write_bank(str(tmp_path / "other"), [item_row(name, thing(7), split=name) for name in SPLITS])
    open_with({**data, "items": other}, start)


def test_weights_that_are_gone_are_of_no_known_licence(tmp_path):
    arms = [Arm(name="tuned", set={"start_from": str(tmp_path)}), Arm(name="fresh")]
    (start,) = read_starts(StudyConfig(output="out", phantoms=1, arms=arms))
    assert (start.arm, start.card, start.licence) == ("tuned", None, None)


def test_what_two_sides_share_is_told_by_its_group_where_there_is_one():
    one = {"dataset": "d", "group": "g", "perceptual_hash": "aa", "scan_id": "1", "sha256": "f1"}
    assert shared_text(bag_names([one]), bag_names([one])) == "group of bags 'd/g' (1 in all)"
    other = {**one, "group": "h"}
    assert shared_text(bag_names([one]), bag_names([other])) == "bag of SHA-256 'f1' (1 in all)"
    assert shared_text(bag_names([one]), bag_names([{**other, "sha256": "f2"}])) == ""
