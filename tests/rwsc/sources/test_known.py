import pytest

from rwsc.sources.known import Edition, KnownDataset, find_dataset, known_datasets
from rwsc.sources.licences import Licence, classify
from rwsc.sources.settings import LAYOUTS


def test_every_layout_that_is_named_has_a_reader_and_every_name_is_found():
    for known in known_datasets():
        assert known.layout is None or known.layout in LAYOUTS
        assert find_dataset(known.name) is known
    assert len({known.name for known in known_datasets()}) == len(known_datasets())


def test_published_counts_agree_with_themselves():
    for known in known_datasets():
        for edition in known.editions:
            assert not edition.splits or sum(edition.splits.values()) == edition.images, known.name
            assert set(edition.objects) <= set(known.classes)


def test_counts_are_those_published():
    opixray = find_dataset("OPIXray")
    assert opixray.editions[0].splits == {"train": 7109, "test": 1776}
    assert opixray.editions[0].objects["Multi-tool_Knife"] == 2042
    assert find_dataset("SIXray").editions[0].images == 1_059_231


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SIXray (positive)", "SIXray"), ("OPIXrayDataset", "OPIXray"), ("pidray", "PIDray"),
        ("EDS_Dataset", "EDS"), ("compass-xp", "COMPASS-XP"), ("COMPASS_XP", "COMPASS-XP"),
        ("needs work", None), ("feds", None), ("delhi xray", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_dataset_is_found_in_a_longer_name(text, name):
    found = find_dataset(text)
    assert (found and found.name) == name


def test_those_with_academic_terms_are_told_from_those_with_open_ones():
    by_rank = {rank: {d.name for d in known_datasets() if classify(d.licence) is rank} for rank in Licence}
    assert by_rank[Licence.PERMISSIVE] == {"STCray", "IEDXray", "COMPASS-XP"}
    assert {"SIXray", "OPIXray", "HiXray", "EDS", "PIDray", "CLCXray", "DvXray"} <= by_rank[Licence.ACADEMIC]


def test_the_nearest_edition_is_compared_with():
    known = KnownDataset(
        name="x", editions=(Edition(name="a", images=100), Edition(name="b", images=1000), Edition(name="c"))
    )
    assert known.nearest_edition(120).name == "a"
    assert known.nearest_edition(900).name == "b"
    assert KnownDataset(name="y").nearest_edition(5) is None
