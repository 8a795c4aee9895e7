import tomllib

import pytest
from pydantic import ValidationError

from rwsc.config import load_settings, to_toml
from rwsc.errors import ConfigError
from rwsc.evaluation.study import ARMS, SECTION, Arm, StudyConfig, check_arms, run_name, runs_of, train_config


def study(**values):
    return StudyConfig(**{"output": "out", "phantoms": 4, **values})


def test_the_default_study_has_an_arm_for_every_row_of_the_slides_and_all_fit():
    whole = study(
        training={"steps": 10, "sample": {"crop_px": 64}}, baselines={"network": {"width_divisor": 4}}
    )
    check_arms(whole)
    configs = {arm.name: train_config(whole, arm, 7) for arm in ARMS}
    assert {config.method for config in configs.values()} == {
        "rwsc", "u2fusion", "fusiongan", "fusiongan_swapped", "deepfuse", "mefnet",
    }  # fmt: skip
    assert all(
        config.seed == 7 and config.steps == 10 and config.phantoms == 4 for config in configs.values()
    )
    assert len({config.output for config in configs.values()}) == len(ARMS)
    assert configs["u2fusion"].network_config().width_divisor == 4


def test_ablations_differ_from_the_whole_network_in_one_setting_alone():
    whole = study()
    arms = {arm.name: train_config(whole, arm, 0).model_dump(exclude={"output"}) for arm in ARMS}

    def difference(name, other):
        flat = [dict(_flat(arms[each])) for each in (name, other)]
        return {key: flat[0].get(key) for key in {*flat[0], *flat[1]} if flat[0].get(key) != flat[1].get(key)}

    assert difference("no_ea", "rwsc") == {"network.edge_attention": False}
    assert difference("pooled_only", "rwsc") == {"network.rwsc": "pooled_only"}
    assert difference("product_no_ea", "product") == {"network.edge_attention": False}
    assert difference("product", "rwsc") == {"network.residual": "tip"}
    for name, weight in (("no_ll", "a1"), ("no_csd", "a2"), ("no_recon", "a3")):
        assert difference(name, "rwsc") == {f"loss.{weight}": 0.0}
    assert difference("half_weights", "rwsc") == {"loss.w1": 0.5, "loss.w2": 0.5}
    assert arms["rwsc"]["network"]["residual"] == "none"


def _flat(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@pytest.mark.parametrize(
    "own", [{"network.ea_kernel": 5, "loss.a2": 0.3}, {"network": {"ea_kernel": 5}, "loss": {"a2": 0.3}}]
)
def test_dotted_and_nested_settings_mean_the_same_and_the_arm_has_the_last_word(own):
    config = train_config(
        study(training={"loss": {"a1": 2.0, "a2": 0.9}, "steps": 3}, rwsc={"network": {"residual": "none"}}),
        Arm(name="wide", set=own),
        0,
    )
    assert config.network == {"residual": "none", "ea_kernel": 5}
    assert (config.loss.a1, config.loss.a2, config.steps) == (2.0, 0.3, 3)


def test_every_arm_is_trained_with_every_seed_in_the_order_of_arms():
    some = study(arms=[Arm(name="b"), Arm(name="a")], seeds=[5, 2])
    assert [run_name(*run) for run in runs_of(some)] == ["b-5", "b-2", "a-5", "a-2"]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"network.edge_atention": False}, "did you mean 'edge_attention'"),
        ({"loss.a9": 1}, "train.loss.a9"),
        ({"network.edge_attention": "maybe"}, "train.network.edge_attention = 'maybe'"),
        ({"method": "mefnet", "network.width_divisor": 3}, "train.network.width_divisor = 3"),
        ({"stepz": 1}, "did you mean 'steps'"),
        ({"seed": 1}, "'odd' sets seed, which is the study's"),
        ({"method": "u2fusion", "network": {"width_divisr": 2}}, "did you mean 'width_divisor'"),
        ({"loss": {"truth": 5.0}, "method": "mefnet"}, "mefnet knows no truth"),
    ],
)
def test_what_an_arm_sets_in_vain_is_named(own, said):
    with pytest.raises(ConfigError, match="odd") as refused:
        check_arms(study(arms=[Arm(name="odd", set=own)]))
    assert said in f"{refused.value.message} {refused.value.remedy}"
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"arms": [{"name": "a"}, {"name": "a"}]}, "'a' is there twice"),
        ({"arms": [{"name": "a", "against": ["b"]}]}, "'b', which is no arm"),
        ({"arms": [{"name": "a", "against": ["a"]}]}, "'a' is against itself"),
        ({"arms": [{"name": "tip"}]}, "name of an engine"),
        ({"arms": [{"name": "../x"}]}, "lower-case"),
        ({"seeds": [1, 1]}, "seed 1 is there twice"),
        ({"held_out_splits": ["train"]}, "both trained on and held out"),
        ({"items": "items"}, "in place of items and bags"),
        ({"pairs": {"empty_share": 0.5}}, "nothing to compare"),
    ],
)
def test_a_study_at_odds_with_itself_is_refused(values, said):
    with pytest.raises(ValidationError, match=said):
        study(**values)


@pytest.mark.parametrize(
    "shared", [{}, {"learning_rate": 3e-3}, {"network": {"copy_sources": False}}, {"network.residual": "tip"}]
)
def test_arms_named_after_the_slides_have_their_network_whatever_arms_share(shared):
    configs = {arm.name: train_config(study(rwsc=shared), arm, 0).network_config() for arm in ARMS}
    products = {"product", "product_no_ea", "product_pooled_only"}
    assert {
        name for name, network in configs.items() if getattr(network, "residual", None) == "tip"
    } == products
    assert configs["rwsc"] != configs["product"]
    assert configs["no_ea"] != configs["product_no_ea"]


@pytest.mark.parametrize(
    "arms",
    [
        [Arm(name="a", title="X"), Arm(name="b", title="X")],
        [Arm(name="a"), Arm(name="b", title="a")],
        [Arm(name="a", title="tip", tables=["methods"])],
        [Arm(name="a", title="truth", tables=["methods"])],
    ],
)
def test_what_tables_would_call_the_same_is_refused(arms):
    with pytest.raises(ConfigError, match=f"'{arms[-1].shown}' is the title of more than one"):
        check_arms(study(arms=arms))


def test_an_engine_that_no_table_shows_takes_no_title():
    check_arms(study(arms=[Arm(name="a", title="tip")]))
    check_arms(study(arms=[Arm(name="a", title="alpha", tables=["methods"])], engines=["tip", "tip"]))


def test_without_data_the_remedy_is_phantoms():
    with pytest.raises(ConfigError, match="neither phantoms nor items") as refused:
        check_arms(StudyConfig(output="out"))
    assert "phantoms" in refused.value.remedy


def test_printed_settings_are_read_back(tmp_path):
    whole = study(arms=[*ARMS, Arm(name="more", set={"loss.w1": 0.25}, tables=["sweep"])], rwsc={})
    file = tmp_path / "study.toml"
    file.write_text(to_toml(whole, SECTION))
    assert tomllib.loads(file.read_text())[SECTION]["arms"][-1]["set"] == {"loss.w1": 0.25}
    assert load_settings(StudyConfig, section=SECTION, file=str(file)) == whole


def test_a_misspelt_key_of_an_arm_is_explained_by_the_keys_of_an_arm(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('[evaluate_tables]\nphantoms = 1\n[[evaluate_tables.arms]]\nname = "a"\ntitel = "A"\n')
    with pytest.raises(ConfigError, match=r"arms\.0\.titel; did you mean 'title'"):
        load_settings(StudyConfig, section=SECTION, file=str(file), overrides={"output": "out"})
