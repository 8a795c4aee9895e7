import json
from dataclasses import replace

import pytest
from support.corpora import write_scans
from support.probe_scans import write_probe_scans

from rwsc.fusion.engines import ENGINES
from rwsc.sources.catalogue import iter_scans, read_catalogue, write_catalogue
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    root = Prefix(str(tmp_path_factory.mktemp("bench")))
    write_scans(root.child("scans"), num_bags=1)
    index_to_catalogue(root.uri_of("scans"), root.uri_of("catalogue.parquet"))
    return root.uri_of("catalogue.parquet")


def test_items_as_json_and_nothing_else_on_stdout(rwsc, catalogue):
    code, out, err = rwsc("bench", "items", "--num-images", 6, "--catalogue", catalogue, "--json")
    assert code == 0
    found = json.loads(out, parse_constant=refuse)
    assert found["phantoms"]["all"]["items"] == 6
    assert found["scans"]["all"]["items"] == 4
    assert found["scans"]["confidence_auc"] is None  # no item of a bag among them
    assert "masked scans" in err


def test_items_as_tables(rwsc, catalogue):
    code, out, _ = rwsc("bench", "items", "--num-images", 1, "--catalogue", catalogue)
    assert code == 0
    lines = out.splitlines()
    assert "phantoms, from loose boxes" in lines
    assert "masked scans, from boxes" in lines
    rows = [line.split() for line in lines]
    assert [row[1] for row in rows if row[:1] == ["all"]] == ["1", "4"]
    assert "confidence ranks good above bad (AUC): unknown" in lines
    assert sum(line.startswith("  IoU ") and line.endswith("accepted") for line in lines) == 4
    assert "nan" not in out
    assert lines[-1].startswith("cpu ")


def test_truth_as_json_and_as_a_table(rwsc):
    command = ("bench", "truth", "--num-images", 2, "--engines", "tip_gray, alpha")
    code, out, _ = rwsc(*command, "--json")
    assert code == 0
    found = json.loads(out, parse_constant=refuse)
    assert list(found["engines"]) == ["scanned again", "tip", "tip_gray", "alpha"]
    code, out, _ = rwsc(*command, "-o", "sheet.png")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "2 phantoms: error against the true scan where the item covers bag"
    tip = next(line for line in lines if line.startswith("tip "))
    assert f"{found['engines']['tip']['psnr_db']['mean']:.1f} ± " in tip
    assert lines[-1].startswith("cpu ")
    code, out, err = rwsc(*command, "-o", "sheet.png")
    assert (code, out) == (2, "")
    assert "sheet.png exists already" in err


@pytest.mark.long
def test_probe_of_scans_as_json_and_as_a_table(rwsc, tmp_path):
    scans, items = write_probe_scans(str(tmp_path / "probe"), num_threats=16)
    command = ("bench", "probe", "--catalogue", scans, "--items", items, "--engines", "tip")
    code, out, _ = rwsc(*command, "--json")
    assert code == 0
    found = json.loads(out, parse_constant=refuse)
    code, out, _ = rwsc(*command)
    assert code == 0
    lines = out.splitlines()
    assert f"bags alone, no item in sight: {found['bags_alone']['mean']:.2f} " in out
    tip = next(line for line in lines if line.startswith("tip "))
    assert tip.split()[1] == f"{found['engines']['tip']['composite']['mean']:.2f}"
    assert tip.endswith("0.50 (0.50 to 0.50)")
    assert lines[-1].startswith("cpu ")


@pytest.mark.parametrize(
    ("arguments", "error", "remedy"),
    [
        (["itmes"], "error: no benchmark 'itmes'", "try:   there are synth, whole, items, truth, probe"),
        (
            ["truth", "--engines", "magic"],
            "error: no engine 'magic'",
            f"try:   engines are {', '.join(ENGINES)}",
        ),
        (
            ["items", "--num-images", 100_000, "--catalogue", "nowhere.parquet"],
            "error: there is nothing at {here}/nowhere.parquet",
            None,
        ),
        (
            ["probe", "--num-images", 7],
            "error: 7 phantoms are too few to train and to test on",
            "try:   give --num-images 8 or more; some hundred tell more",
        ),
        (
            ["probe", "--catalogue", "nowhere.parquet"],
            "error: there is nothing at {here}/nowhere.parquet",
            None,
        ),
        (
            ["probe", "--items", "bank"],
            "error: --items is a bank of no catalogue",
            "try:   add the --catalogue that it was built from",
        ),
        (
            ["probe", "--without-groups", "a"],
            "error: --without-groups names groups of no catalogue",
            "try:   add --catalogue",
        ),
        (
            ["items", "--num-images", 100_000, "--without-groups", "a"],
            "error: --without-groups names groups of no catalogue",
            "try:   add --catalogue",
        ),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(rwsc, tmp_path, arguments, error, remedy):
    code, out, err = rwsc("bench", *arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert [line for line in err.splitlines() if line.startswith("error:")] == [error.format(here=tmp_path)]
    assert remedy is None or remedy in err.splitlines()


def test_a_group_that_no_scan_has_is_named_with_those_there_are(rwsc, catalogue, tmp_path):
    scans = [
        replace(scan, group="tuned on" if number else "others")
        for number, scan in enumerate(iter_scans(read_catalogue(catalogue)))
    ]
    write_catalogue(str(tmp_path / "grouped.parquet"), scans)
    arguments = ["bench", "items", "--num-images", 100_000, "--catalogue", "grouped.parquet"]
    code, out, err = rwsc(*arguments, "--without-groups", "tuned on, tuned")
    assert (code, out) == (2, "")
    assert err.splitlines()[-2:] == [
        "error: no scan of grouped.parquet is of the group 'tuned'",
        "try:   groups there are others, tuned on",
    ]
