import numpy as np
import pyarrow as pa
import pytest
from support.things import item_row, thing, write_bank

from rwsc.errors import ConfigError
from rwsc.evaluation.study import Arm, StudyConfig
from rwsc.evaluation.study_scores import draw_pairs
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.runs import held_out as module
from rwsc.runs.held_out import open_held_out, pairs_key
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY
from rwsc.sources.catalogue import write_catalogue
from rwsc.sources.schema import CATALOGUE_SCHEMA, Scan
from rwsc.storage.prefix import Prefix
from rwsc.training.phantom_samples import PhantomSource


def study(**values):
    return StudyConfig(
        **{"output": "unused", "phantoms": 2, "held_out_pairs": 2, "pairs": {"crop_px": 40}, **values}
    )


def test_phantoms_held_out_are_no_phantoms_of_training():
    some = study()
    source, licence = open_held_out(some)
    held = [pair.sample.bag_CHW for pair in draw_pairs(source, 4)]
    assert "Apache" in licence
    for name in ("train", "validation"):
        trained = PhantomSource(2, config=some.pairs, seed=0, name=name)
        for index in range(4):
            bag_CHW = trained.draw(index).bag_CHW
            assert not any(np.array_equal(bag_CHW, other) for other in held)


def test_other_pairs_have_another_key():
    pairs = draw_pairs(open_held_out(study())[0], 2)
    assert pairs_key(pairs) == pairs_key(draw_pairs(open_held_out(study())[0], 2))
    assert pairs_key(pairs) != pairs_key(pairs[:1])
    assert pairs_key(pairs) != pairs_key(draw_pairs(open_held_out(study(pairs_seed=1))[0], 2))


def test_each_held_out_pair_of_phantoms_shows_a_phantom_of_its_own():
    some = study(held_out_pairs=12, pairs={"crop_px": 440})  # the whole phantom: its level names it
    levels = [round(float(pair.sample.bag_CHW.mean()), 4) for pair in draw_pairs(open_held_out(some)[0], 12)]
    assert len(set(levels)) == 12


def scan(number, split, **values):
    """A bag of a catalogue; nothing of it is read before pairs are drawn."""
    digits = f"{number:064x}"
    facts = {
        "kind": "benign", "status": "ok", "uri": f"{number}.png", "sha256": digits, "scan_id": digits[-16:],
        "dataset": "d", "licence": "CC0", "split": split, "group": f"g{number}", "width": 60, "height": 50,
        "air_level": [255.0], "perceptual_hash": f"{number:016x}",
    }  # fmt: skip
    return Scan(**{**facts, **values})


def study_of(folder, *scans, items=None, **values):
    catalogue = str(folder / "catalogue.parquet")
    write_catalogue(catalogue, scans)
    rows = items or [item_row("a", thing(0), split="train"), item_row("b", thing(1), split="val")]
    bank = write_bank(str(folder / "items"), rows)
    arms = values.pop("arms", [Arm(name="a")])
    settings = {"items": bank, "bags": catalogue, "output": str(folder / "out"), "arms": arms}
    return StudyConfig(**{**settings, "held_out_splits": ["val"], **values})


BOTH = {"bag_kinds": ["benign", "threat"]}


def test_disjoint_splits_are_opened_and_the_kinds_of_later_arms_change_no_held_out_bag(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    scans = [scan(1, "train"), scan(2, "val"), scan(3, "val", kind="threat"), scan(4, "train", kind="threat")]
    one, _ = open_held_out(study_of(tmp_path / "one", *scans))
    two, _ = open_held_out(study_of(tmp_path / "two", *scans, arms=[Arm(name="a"), Arm(name="b", set=BOTH)]))
    assert one._num_bags == two._num_bags == 1


def test_a_physical_item_on_both_sides_is_named(tmp_path):
    rows = [
        item_row(name, thing(0), split=split, physical_item_id="gun 1")
        for name, split in (("a", "train"), ("b", "val"))
    ]
    with pytest.raises(ConfigError, match=r"the physical item 'gun 1' .* is both trained on and held out"):
        open_held_out(study_of(tmp_path, scan(1, "train"), scan(2, "val"), items=rows))


def test_a_group_of_bags_on_both_sides_is_named(tmp_path):
    scans = [scan(1, "train", group="g"), scan(2, "val", group="g"), scan(3, "val")]
    with pytest.raises(
        ConfigError, match=r"the group of bags 'd/g' .1 in all. is both trained on and held out"
    ):
        open_held_out(study_of(tmp_path, *scans))


@pytest.mark.parametrize("order", [1, -1])
def test_bags_that_any_arm_trains_on_count_as_trained_on(tmp_path, order):
    arms = [Arm(name="a"), Arm(name="b", set=BOTH)][::order]
    scans = [scan(1, "train"), scan(2, "val", group="g"), scan(3, "train", kind="threat", group="g")]
    with pytest.raises(ConfigError, match="the group of bags 'd/g'"):
        open_held_out(study_of(tmp_path, *scans, arms=arms))


def test_a_bag_without_a_group_that_looks_like_one_trained_on_is_not_drawn_from(tmp_path):
    (tmp_path / "grouped").mkdir()
    alike = {"group": None, "perceptual_hash": "ab" * 8}
    scans = [scan(1, "train", **alike), scan(2, "val", **alike), scan(3, "val", group=None)]
    assert open_held_out(study_of(tmp_path, *scans))[0]._num_bags == 1
    grouped = [scan(1, "train", **{**alike, "group": "g"}), scan(2, "val", **{**alike, "group": "h"})]
    source, _ = open_held_out(study_of(tmp_path / "grouped", *grouped))
    assert source._num_bags == 1  # the source knows them apart


def test_a_file_that_is_trained_on_is_not_drawn_from(tmp_path):
    scans = [scan(1, "train", group="g"), scan(1, "val", group="h"), scan(2, "val")]
    assert open_held_out(study_of(tmp_path, *scans))[0]._num_bags == 1


def test_where_all_look_alike_nothing_is_held_out(tmp_path):
    scans = [scan(1, "train", group="g"), scan(1, "val", group="h")]
    with pytest.raises(ConfigError, match="all 1 held-out bags look like bags that are trained on"):
        open_held_out(study_of(tmp_path, *scans))


def test_the_licence_is_the_strictest_of_data_and_start_weights(tmp_path):
    network = named_config("tiny", stage_channels=(4, 8), hidden_channels=4)
    card = WeightsCard(network=network, code_version="0", data_licence="academic use only")
    weights, text = encode_weights(RwscNetwork(network), card)
    Prefix(str(tmp_path)).write(WEIGHTS_KEY, weights)
    Prefix(str(tmp_path)).write(CARD_KEY, text)
    arms = [Arm(name="fresh"), Arm(name="tuned", set={"start_from": str(tmp_path)})]
    assert open_held_out(study(arms=arms))[1] == "academic use only"
    scans = [scan(1, "train"), scan(2, "val")]
    assert open_held_out(study_of(tmp_path, *scans, arms=arms))[1] == "academic use only"
    shipped = [Arm(name="tuned", set={"start_from": "default"})]
    assert "Apache" in open_held_out(study(arms=shipped))[1]


def test_a_catalogue_without_bags_of_a_split_is_one_clear_line():
    empty = pa.Table.from_pylist([], schema=CATALOGUE_SCHEMA)
    with pytest.raises(ConfigError, match="no bag in split 'val' or 'test'"):
        module._rows(empty, ["benign"], ["val", "test"])
