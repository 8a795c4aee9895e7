import json

import pytest
import torch
from support.corpora import write_scans

from rwsc.errors import SourceError
from rwsc.runs.bench_items import measure_items
from rwsc.runs.machine import describe_machine
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix

PHANTOM_FIGURES = {"median_iou", "share_good", "share_accepted", "transmission_error_unmixed"}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """Four masked items; the third is of a group of its own."""
    root = Prefix(str(tmp_path_factory.mktemp("bench")))
    write_scans(root.child("scans"), num_bags=1)
    document = json.loads(root.read("scans/annotations.json"))
    document["images"][3]["group"] = "tuned on"
    root.write("scans/annotations.json", json.dumps(document).encode(), overwrite=True)
    index_to_catalogue(root.uri_of("scans"), root.uri_of("catalogue.parquet"))
    return root.uri_of("catalogue.parquet")


@pytest.fixture(scope="module")
def measured(catalogue):
    return measure_items(4, catalogue, without_groups=["tuned on"])


def test_phantoms_and_scans_are_counted_once_each(measured):
    assert measured["phantoms"]["all"]["items"] == 4
    assert sum(row["items"] for row in measured["phantoms"]["by_density"].values()) == 4
    assert sum(row["items"] for row in measured["phantoms"]["by_class"].values()) == 4
    assert measured["phantoms"]["all"].keys() >= PHANTOM_FIGURES
    assert measured["seconds_per_phantom"] > 0
    assert measured["machine"] == describe_machine()


def test_groups_are_left_out(measured):
    assert measured["scans"]["all"]["items"] == 3
    names = {row["uri"].rsplit("/", 1)[1] for row in measured["scans"]["worst"]}
    assert names == {"0.png", "1.png", "3.png"}


def test_the_result_goes_into_json(measured):
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured


def test_phantoms_alone_are_measured_alike_whenever_asked(measured):
    before = torch.get_num_threads()
    alone = measure_items(4, None)
    assert torch.get_num_threads() == before
    assert "scans" not in alone
    assert alone["phantoms"] == measured["phantoms"]


def test_a_catalogue_without_masks_is_refused_before_hours_of_phantoms(tmp_path):
    root = Prefix(str(tmp_path))
    write_scans(root.child("scans"), num_bags=1, num_items=0)
    index_to_catalogue(root.uri_of("scans"), root.uri_of("catalogue.parquet"))
    with pytest.raises(SourceError, match="no masks to compare with"):
        measure_items(100_000, root.uri_of("catalogue.parquet"))
