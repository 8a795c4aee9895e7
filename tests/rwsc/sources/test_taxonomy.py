import random

import pytest

from rwsc.errors import ConfigError, ObjectMissing
from rwsc.sources.known import known_datasets
from rwsc.sources.taxonomy import fold_name, load_taxonomy, parse_taxonomy
from rwsc.storage.prefix import write_uri


def test_every_class_of_every_known_dataset_has_a_class():
    taxonomy = load_taxonomy()
    unknown = [
        (dataset.name, name)
        for dataset in known_datasets()
        for name in dataset.classes
        if taxonomy.is_unknown(name, dataset.name)
    ]
    assert unknown == []
    assert sum(len(dataset.classes) for dataset in known_datasets()) > 80


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Gun", "gun"), ("HANDGUN", "gun"), ("Multi-tool_Knife", "knife"), ("swiss army knife", "knife"),
        ("Scissor", "scissors"), ("scissors", "scissors"), ("Razor_blade", "razor_blade"),
        ("glassbottle", "glass_bottle"), ("Glass Bottle", "glass_bottle"), ("sprayer", "spray_can"),
        ("Portable_Charger_2", "powerbank"), ("pressure", "pressure_vessel"), ("Saw_blade", "saw_blade"),
        (" Nonmetallic_Lighter ", "lighter"), ("teapot", None), ("", None),
    ],
)  # fmt: skip
def test_names_of_one_thing_are_one_class(name, label):
    assert load_taxonomy().find(name) == label


def test_class_names_are_snake_case_and_stand_for_themselves():
    taxonomy = load_taxonomy()
    for label in taxonomy.classes:
        assert label == label.lower().replace(" ", "_")
        assert taxonomy.find(label) == label


def test_a_dataset_can_mean_something_of_its_own():
    taxonomy = parse_taxonomy(
        b'[classes]\nknife = []\nrazor_blade = ["blade"]\n[datasets."CLC-Xray"]\nBlade = "knife"\n', "t.toml"
    )
    assert taxonomy.find("blade") == "razor_blade"
    assert taxonomy.find("blade", "SIXray") == "razor_blade"
    assert taxonomy.find("BLADE", "clcxray") == "knife"


def test_without_a_taxonomy_no_name_is_changed_and_none_is_unknown():
    taxonomy = load_taxonomy("none")
    assert taxonomy.find("Gun") is None
    assert not taxonomy.is_unknown("Gun")
    assert load_taxonomy().is_unknown("teapot")


def test_one_can_bring_ones_own(store_uri):
    write_uri(f"{store_uri}/mine.toml", '[classes]\npistole = ["Gun", "Выстрел"]\n'.encode())
    taxonomy = load_taxonomy(f"{store_uri}/mine.toml")
    assert (taxonomy.find("gun"), taxonomy.find("ВЫСТРЕЛ"), taxonomy.find("knife")) == (
        "pistole",
        "pistole",
        None,
    )
    with pytest.raises(ObjectMissing):
        load_taxonomy(f"{store_uri}/none.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[classes", "not readable TOML"),
        ("", r"\[classes\] holds no class"),
        ("[clases]\ngun = []\n", r"unknown table \[clases\]; did you mean 'classes'"),
        ("classes = 3\n", "classes must be a table"),
        ('[classes]\ngun = "pistol"\n', r"classes\.gun must be a list of names, not 'pistol'"),
        ("[classes]\ngun = [3]\n", r"classes\.gun must be a list"),
        ('[classes]\ngun = ["--"]\n', "'--' holds neither letter nor digit"),
        (
            '[classes]\ngun = ["blade"]\nknife = ["Blade"]\n',
            r"classes\.knife: 'Blade' stands for 'gun' already",
        ),
        (
            '[classes]\ngun = []\n[datasets.X]\na = "gum"\n',
            r"datasets\.X\.a = 'gum' is none .*; did you mean 'gun'",
        ),
        ("[classes]\ngun = []\n[datasets]\nX = 3\n", r"datasets\.X must be a table"),
        ("[classes]\ngun = []\n[datasets.X]\na = []\n", r"datasets\.X\.a = \[\] is none of the classes"),
    ],
)
def test_a_faulty_file_is_refused_with_the_place(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_taxonomy(text.encode(), "mine.toml")
    assert caught.value.message.startswith("mine.toml")


def test_damaged_bytes_are_refused_and_nothing_else():
    rng = random.Random(1)
    text = b'[classes]\ngun = ["pistol"]\nknife = []\n[datasets.X]\nblade = "knife"\n'
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(text)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            outcomes.add(bool(parse_taxonomy(bytes(damaged), "t").classes))
        except ConfigError:
            outcomes.add(False)
    assert outcomes == {True, False}


def test_the_hash_knows_meaning_and_not_form():
    plain = parse_taxonomy(b'[classes]\ngun = ["pistol"]\nknife = []\n', "a")
    turned = parse_taxonomy(b'# remark\n[classes]\nknife = []\ngun = ["PISTOL", "pistol"]\n', "b")
    other = parse_taxonomy(b'[classes]\ngun = []\nknife = ["pistol"]\n', "c")
    assert plain.sha256 == turned.sha256
    assert len({plain.sha256, other.sha256, load_taxonomy().sha256, load_taxonomy("none").sha256}) == 4


def test_names_are_compared_by_letters_and_digits():
    assert fold_name(" Class 01_Gun!") == "class01gun"
