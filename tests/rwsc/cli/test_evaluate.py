import json
import tomllib
from dataclasses import asdict

import numpy as np
import pytest
from support.triples import average, scene

from rwsc.evaluation.fusion_metrics import bag_fidelity, fusion_scores
from rwsc.evaluation.luma import to_luma
from rwsc.evaluation.regions import region_of
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix

ITEM, BAG, MASK_HW = scene(channels=(3,))
FUSED = average(ITEM, BAG)
KEYS = (
    "qabf_replicate qabf_zero q_s q_w q_w_edge q_e ei psnr_item psnr_bag psnr_mean psnr_joint mae_item mae_bag"
).split()


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture
def folder(store_uri):
    prefix = Prefix(store_uri)
    grey = {f"grey_{name}": to_luma(each) for name, each in (("item", ITEM), ("bag", BAG), ("fused", FUSED))}
    air = np.full_like(MASK_HW, 255, dtype=np.uint8)
    pictures = {"item": ITEM, "bag": BAG, "fused": FUSED, "mask": MASK_HW * np.uint8(255), "air": air, **grey}
    for name, picture in {**pictures, "deep": air.astype(np.uint16), "other": air[1:]}.items():
        prefix.write(f"{name}.png", encode_image(picture))
    return prefix


@pytest.fixture
def evaluate(rwsc, folder):
    def run(item="item", bag="bag", fused="fused", **options):
        named = {"item": item, "bag": bag, "fused": fused} | {
            name: value for name, value in options.items() if name == "mask"
        }
        arguments = [
            text for name, value in named.items() for text in (f"--{name}", folder.uri_of(f"{value}.png"))
        ]
        if "region" in options:
            arguments += ["--region", options["region"]]
        if options.get("json"):
            arguments.append("--json")
        return rwsc("evaluate", "images", *arguments)

    return run


def found(evaluate, **options):
    code, out, err = evaluate(**options, json=True)
    assert (code, err) == (0, "")
    return json.loads(out, parse_constant=refuse)


def test_colour_with_a_mask_has_all_parts_and_nothing_else_is_on_stdout(evaluate):
    scores = found(evaluate, mask="mask")
    assert list(scores) == ["luma", "rgb", "outside_mask"]
    assert list(scores["luma"]) == list(scores["rgb"]) == KEYS
    for channels in ("luma", "rgb"):
        assert scores[channels] == asdict(fusion_scores(ITEM, BAG, FUSED, channels=channels))
    assert scores["outside_mask"] == bag_fidelity(BAG, FUSED, mask_HW=MASK_HW)._asdict()


def test_grey_without_a_mask_has_luma_alone(evaluate):
    scores = found(evaluate, item="grey_item", bag="grey_bag", fused="grey_fused")
    assert list(scores) == ["luma"]
    expected = fusion_scores(*map(to_luma, (ITEM, BAG, FUSED)), channels="luma")
    assert scores["luma"] == asdict(expected)


def test_one_grey_picture_makes_all_grey(evaluate):
    scores = found(evaluate, fused="grey_fused", mask="mask")
    assert list(scores) == ["luma", "outside_mask"]
    expected = bag_fidelity(to_luma(BAG), to_luma(FUSED), mask_HW=MASK_HW)
    assert scores["outside_mask"] == expected._asdict()


def test_infinity_is_text_and_undefined_is_null(evaluate):
    scores = found(evaluate, item="air", bag="air", fused="air", mask="air")
    assert {name for name, value in scores["luma"].items() if value is None} == {
        "qabf_replicate",
        "q_w",
        "q_e",
    }
    assert scores["luma"]["psnr_item"] == scores["luma"]["psnr_joint"] == "inf"
    assert scores["outside_mask"] == {"mae": None, "psnr": None}


@pytest.mark.parametrize("region", ["mask", "box"])
def test_a_region_may_be_looked_at(evaluate, region):
    scores = found(evaluate, mask="mask", region=region)
    expected = fusion_scores(ITEM, BAG, FUSED, channels="rgb", region_HW=region_of(MASK_HW, region))
    assert scores["rgb"] == asdict(expected)


def test_a_table_for_people(evaluate):
    code, out, _ = evaluate(item="bag", mask="mask")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert lines[0] == ["luma", "rgb"]
    rows = {line[0]: line[1:] for line in lines[1:]}
    scores = fusion_scores(BAG, BAG, FUSED, channels="luma")
    assert rows["q_e"][0] == f"{scores.q_e:.5f}"
    assert set(KEYS) <= set(rows)
    assert rows["mae"] == [f"{bag_fidelity(BAG, FUSED, mask_HW=MASK_HW).mae:.5f}"]
    _, out, _ = evaluate(item="air", bag="air", fused="air")
    assert "undefined" in out
    assert "inf" in out
    assert "nan" not in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fused": "nowhere"}, "nowhere.png"),
        ({"fused": "other"}, "other.png is 26 x 21 pixels"),
        ({"bag": "deep"}, "deep.png has 16 bits"),
        ({"mask": "other"}, "other.png is 26 x 21 pixels"),
        ({"region": "box"}, "--region box needs to know where the item is"),
        ({"region": "rim", "mask": "mask"}, "--region 'rim'"),
    ],
)
def test_bad_input_is_one_line_a_remedy_and_exit_code_2(evaluate, options, message):
    code, out, err = evaluate(**options)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert message in lines[0]
    assert [line.split(":")[0] for line in lines] == ["error", "try"]


def test_a_study_with_a_misspelt_setting_is_one_line_and_a_remedy(tmp_path, rwsc):
    config = tmp_path / "study.toml"
    config.write_text(
        f'[evaluate_tables]\nphantoms = 2\noutput = "{tmp_path}/out"\n'
        '[[evaluate_tables.arms]]\nname = "a"\nset = { "network.edge_atention" = false }\n'
    )
    code, out, err = rwsc("evaluate", "tables", "--config", config)
    assert (code, out) == (2, "")
    assert "did you mean 'edge_attention'" in err.splitlines()[0]
    assert len(err.splitlines()) == 2
    assert not (tmp_path / "out").exists()


def test_the_settings_of_a_study_are_printed_and_read_back(tmp_path, rwsc):
    code, out, _ = rwsc("evaluate", "tables", "-o", "out", "--phantoms", "3", "--print-config")
    assert code == 0
    values = tomllib.loads(out)["evaluate_tables"]
    assert values["phantoms"] == 3
    assert [arm["name"] for arm in values["arms"]][:2] == ["rwsc", "no_ea"]
