import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.sources.licences import Licence, classify, licence_of_dataset, settle_licence, stricter_of

TEXTS = st.sampled_from(["CC BY 4.0", "academic use only", "ask us", "", None, "Apache-2.0"])


@pytest.mark.parametrize(
    "text",
    ["phantom", "Apache-2.0", "Apache License", "CC-BY 4.0", "cc_by", "CC0", "CC0-1.0", "MIT", "BSD-3-Clause",
     "Creative Commons Attribution 4.0", "public domain"],
)  # fmt: skip
def test_permissive_texts_are_permissive(text):
    assert classify(text) is Licence.PERMISSIVE


@pytest.mark.parametrize(
    "text",
    ["academic purposes only, no commercial use", "CC-BY-NC 4.0", "CC BY-NC-SA", "non-commercial",
     "Noncommercial", "commercial use is prohibited",
     "for research", "research and education", "MIT, but not for commercial use", "Academic"],
)  # fmt: skip
def test_any_restricting_word_makes_a_text_academic(text):
    assert classify(text) is Licence.ACADEMIC


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "  ",
        "no licence stated",
        "permitted on request",
        "submit a form",
        "CC BY-SA 4.0",
        "CC-BY-ND",
    ],
)
def test_what_says_nothing_clear_is_unknown(text):
    assert classify(text) is Licence.UNKNOWN


def test_ranks_rise_with_restriction():
    assert Licence.PERMISSIVE < Licence.UNKNOWN < Licence.ACADEMIC


@given(TEXTS, TEXTS)
def test_the_stricter_of_two_is_one_of_them_and_no_laxer_than_either(first, second):
    chosen = stricter_of(first, second)
    assert chosen in (first, second)
    assert classify(chosen) == max(classify(first), classify(second))


def test_of_equally_strict_texts_the_first_is_kept():
    assert stricter_of("MIT", "CC0") == "MIT"
    assert stricter_of(None, "ask us") == "ask us"


def test_well_known_datasets_are_academic_whatever_a_copy_says():
    assert classify(licence_of_dataset("SIXray (positive)")) is Licence.ACADEMIC
    assert licence_of_dataset("my own bags") is None
    assert licence_of_dataset("needs work") is None
    assert classify(settle_licence("MIT", None, "OPIXray")) is Licence.ACADEMIC


def test_the_users_licence_counts_where_nothing_is_stated_and_never_loosens_what_is():
    assert settle_licence(None, "CC0", "mine") == "CC0"
    assert settle_licence("academic", "CC0", "mine") == "academic"
    assert settle_licence(None, None, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "All rights reserved, MIT Lincoln Laboratory",
        "Proprietary (MIT)",
        "not public domain",
        "CC BY 4.0; commercial use requires a licence",
        "CC-BY 4.0 for personal use only",
        "for non-profit use, cc by",
    ],
)
def test_a_permissive_word_in_a_restrictive_sentence_does_not_make_it_permissive(text):
    assert classify(text) is not Licence.PERMISSIVE


def test_a_known_dataset_is_known_under_a_longer_name():
    assert licence_of_dataset("OPIXrayDataset")
    assert licence_of_dataset("needs") is None
