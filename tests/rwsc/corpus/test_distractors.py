from collections import Counter

import numpy as np
import pytest

from rwsc.corpus.controls import ControlsConfig
from rwsc.corpus.distractors import draw_wanted, drawn_things, open_distractors
from rwsc.errors import ConfigError, ObjectMissing, SourceError
from rwsc.physics.phantoms import ITEM_LABELS, THING_LABELS
from rwsc.sources.licences import Licence, classify

SOME = ControlsConfig(distractor_share=0.5, distractors_max=3)


def test_drawn_things_are_harmless_permissive_and_always_the_same():
    bank = drawn_things()
    assert bank.labels == sorted(THING_LABELS)
    assert not set(bank.labels) & set(ITEM_LABELS)
    assert {classify(item.licence) for item in bank} == {Licence.PERMISSIVE}
    assert bank.bank_hash == drawn_things().bank_hash
    for item in bank:
        assert item.alpha_HW.shape == (item.height, item.width)
        assert (item.alpha_HW >= 0.5).any()
        assert item.num_channels == 2  # so that bags of two energies get distractors too


def test_none_is_opened_unless_asked_for(tmp_path):
    never = ControlsConfig(distractors=str(tmp_path / "gone"))
    assert open_distractors(never, split=None, labels=["gun"]) is None
    assert len(open_distractors(SOME, split="train", labels=["gun"])) == len(drawn_things())


def test_a_bank_of_harmless_things_is_read_by_split(inputs_root):
    controls = ControlsConfig(distractor_share=1, distractors=f"{inputs_root}/items")
    assert open_distractors(controls, split=None, labels=["sword"]).labels == ["gun", "knife"]
    with pytest.raises(SourceError, match="no usable item of split 'val'"):
        open_distractors(controls, split="val", labels=[])
    with pytest.raises(ObjectMissing):
        open_distractors(controls.model_copy(update={"distractors": "gone"}), split=None, labels=[])


def test_a_labelled_class_cannot_be_a_distractor(inputs_root):
    controls = ControlsConfig(distractor_share=1, distractors=f"{inputs_root}/items")
    with pytest.raises(ConfigError, match=r"the class 'knife' of .*items is one that the corpus labels"):
        open_distractors(controls, split=None, labels=["knife", "sword"])
    with pytest.raises(ConfigError, match="the class 'bottle' of the drawn harmless things"):
        open_distractors(SOME, split=None, labels=["bottle"])


def test_the_share_the_number_and_the_classes_are_those_asked_for():
    bank = drawn_things()
    groups = [[item for item in bank if item.label == label][: 1 + (label == "can")] for label in bank.labels]
    rng = np.random.default_rng(0)
    draws = [draw_wanted(rng, groups, SOME) for _ in range(6000)]
    numbers = Counter(len(wanted) for wanted in draws)
    assert numbers[0] == pytest.approx(3000, rel=0.06)
    assert [numbers[number] for number in (1, 2, 3)] == pytest.approx([1000] * 3, rel=0.12)
    labels = Counter(item.label for wanted in draws for item in wanted)
    assert [labels[label] for label in bank.labels] == pytest.approx([6000 / 16] * 16, rel=0.2)
