from dataclasses import asdict

from rwsc.cli.source_report import WIDTH, dataset_lines, report_lines
from rwsc.sources.check import SourceReport
from rwsc.sources.known import known_datasets


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
