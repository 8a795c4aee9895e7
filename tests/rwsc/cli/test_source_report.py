import json
from dataclasses import asdict

import pytest
from support.corpora import write_scans

from rwsc.cli.source_report import WIDTH, dataset_lines, report_lines
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.known import known_datasets
from rwsc.sources.survey import SourceReport
from rwsc.storage.prefix import Prefix


def test_the_table_of_datasets_fits_a_terminal():
    lines = list(dataset_lines([asdict(known) for known in known_datasets()]))
    assert max(map(len, lines)) <= WIDTH
    for known in known_datasets():
        assert any(line.startswith(known.name) for line in lines)
    assert any("1,059,231" in line and "academic" in line for line in lines)


def test_a_report_says_what_was_found_and_what_was_expected():
    report = SourceReport(
        layout="opixray", why="train/train_image", folder="/data", dataset="OPIXray", licence=None
    )
    report.num_images, report.num_objects = 1234, 2000
    report.by_split.update(train=1234)
    report.by_source_class.update({f"class {number}": number + 1 for number in range(60)})
    report.object_px = {"width": [1, 2, 3, 4, 5000], "share": [0.001, 0.01, 0.1, 0.2, 1]}
    report.missing = {"images of the published split test": 1776}
    report.surprising = {"swapped": 3}
    report.published = [
        {"what": "images", "published": 8885, "found": 1234},
        {"what": "images of train", "published": 1234, "found": 1234},
    ]
    report.damaged = ["/data/" + "very long name " * 20]
    lines = list(report_lines(report.to_dict()))
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= WIDTH
    for expected in (
        "opixray, by train/train_image", "1,234", "none stated", "train 1,234", "class 59 60", "and 20 more",
        "5,000", "10 %", "1,776 images of the published split test", "3 x swapped",
        "images: 8,885 published, 1,234 here (-7,651)", "images of train: 1,234 published, 1,234 here",
    ):  # fmt: skip
        assert expected in text
    assert "here (+0)" not in text


@pytest.fixture
def sources(rwsc):
    return lambda *arguments: rwsc("sources", *arguments)


def test_datasets_are_listed_as_a_table_and_as_json(sources):
    code, out, _ = sources("list")
    assert code == 0
    assert "OPIXray" in out
    code, out, _ = sources("list", "--json")
    by_name = {known["name"]: known for known in json.loads(out)}
    assert by_name["OPIXray"]["editions"][0]["splits"] == {"train": 7109, "test": 1776}


@pytest.fixture
def scans(tmp_path):
    write_scans(Prefix(str(tmp_path / "scans")))
    return tmp_path / "scans"


def test_a_source_is_checked_as_text_and_as_json(sources, scans, tmp_path):
    code, out, _ = sources("check", scans)
    assert code == 0
    assert "coco, by annotations.json" in out
    (tmp_path / "t.toml").write_text("[classes]\nweapon = ['gun', 'knife']\n")
    code, out, _ = sources("check", scans, "--json", "--dataset", "mine", "--taxonomy", tmp_path / "t.toml")
    report = json.loads(out)
    assert (report["by_class"], report["dataset"]) == ({"weapon": 4}, "mine")
    code, out, _ = sources("check", scans, "--json", "--layout", "folder")
    assert (code, json.loads(out)["layout"], json.loads(out)["num_objects"]) == (0, "folder", 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere"], "nowhere"),
        (["check", "{scans}", "--layout", "cocoo"], "did you mean 'coco'"),
        (
            ["check", "{scans}", "--taxonomy", "{scans}/annotations.json"],
            "annotations.json is not readable TOML",
        ),
        (["index", "{scans}", "-o", "c", "--layout", "cocoo"], "did you mean 'coco'"),
        (["index", "{scans}", "-o", "c", "--taxonomy", "none.toml"], "none.toml"),
        (["index", "{scans}", "-o", "c", "--workers", "0"], "index.workers = 0"),
    ],
)
def test_bad_input_is_one_line_and_a_remedy(sources, scans, arguments, message):
    code, out, err = sources(*(text.format(scans=scans) for text in arguments))
    assert (code, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith(("error:", "try:"))]
    assert len(lines) == 2
    assert message in lines[0]


def test_a_taxonomy_can_be_left_out_of_a_catalogue(sources, tmp_path):
    write_scans(Prefix(str(tmp_path / "scans")), labels=("Pistol", "Teapot"))
    _, out, err = sources("index", tmp_path / "scans", "-o", tmp_path / "a.parquet")
    labels = {thing.label for scan in iter_scans(read_catalogue(out.strip())) for thing in scan.objects}
    assert labels == {"gun", "Teapot"}
    assert "not in the taxonomy  Teapot 2" in err
    _, out, err = sources("index", tmp_path / "scans", "-o", tmp_path / "b.parquet", "--taxonomy", "none")
    labels = {thing.label for scan in iter_scans(read_catalogue(out.strip())) for thing in scan.objects}
    assert labels == {"Pistol", "Teapot"}
    assert "not in the taxonomy" not in err
