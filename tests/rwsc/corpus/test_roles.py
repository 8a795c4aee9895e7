"""What positives, empty insertions, negatives and distractors look like, whatever the engine."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from support.corpora import bag_image, synth_config
from support.plans import bags_of, plan_of

from rwsc.corpus.controls import ControlsConfig, Role
from rwsc.corpus.distractors import open_distractors
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.mark import encode_marked
from rwsc.corpus.plan import planned_images
from rwsc.fusion.engines import ENGINES, EngineConfig, open_classic
from rwsc.items.bank import ItemBank
from rwsc.sources.masks import decode_rle
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import read_uri

COLOUR_ENGINES = [name for name in ENGINES if name not in ("rwsc", "tip_dual")]
TWO = {"items_min": 1, "items_max": 2}


@pytest.fixture(scope="module")
def planned(inputs_root):
    return list(planned_images(plan_of(bags_of(inputs_root), 5)))


@pytest.fixture(scope="module")
def bytes_of(planned):
    return [read_uri(image.scan_uri) for image in planned]


def make(root, planned, bytes_of, *, role, engine="tip", **changes):
    config = synth_config(root, engine=engine, **{"placement": TWO, **changes})
    harmless = open_distractors(config.controls, split=None, labels=["gun", "knife"])
    maker = ImageMaker(config, ItemBank.load(config.items), open_classic(engine, EngineConfig()), harmless)
    return maker.make([replace(image, role=role) for image in planned], bytes_of)


def cover_of(things, image):
    covered = np.zeros(image.shape[:2], bool)
    for thing in things:
        covered |= decode_rle(thing["mask_rle"], height=image.shape[0], width=image.shape[1]) > 0
    return covered


def rectangles_of(things, image):
    touched = np.zeros(image.shape[:2], bool)
    for thing in things:
        x, y, width, height = thing["fused_xywh"]
        touched[y : y + height, x : x + width] = True
    return touched


@pytest.mark.parametrize("is_matched", [True, False])
@pytest.mark.parametrize("engine", COLOUR_ENGINES)
def test_an_empty_insertion_is_what_the_engine_makes_of_no_item(
    inputs_root, planned, bytes_of, engine, is_matched
):
    # Poisson blending works in steps of 1/255 of air; the piece of bag that alpha blending paints with is matched
    # to the bag like an item. All others give the bag back.
    most = {"poisson": 4, "alpha": 12 if is_matched else 0}.get(engine, 0)
    match = {"noise": is_matched, "sharpness": is_matched}
    empties = make(inputs_root, planned, bytes_of, role=Role.EMPTY, engine=engine, match=match)
    for made, data in zip(empties, bytes_of, strict=True):
        outcome, image, bag = made.outcome, decode_image(made.data), decode_image(data)
        assert outcome.status == "made"
        assert outcome.objects == outcome.distractors == []
        assert outcome.empty_insertions
        changed = np.abs(image.astype(int) - bag.astype(int)).max(axis=2)
        assert changed.max() <= most
        assert not changed[~rectangles_of(outcome.empty_insertions, image)].any()


@pytest.mark.parametrize("engine", COLOUR_ENGINES)
def test_an_empty_insertion_lies_where_the_positive_of_its_seed_has_its_items(
    inputs_root, planned, bytes_of, engine
):
    positives = make(inputs_root, planned, bytes_of, role=Role.POSITIVE)
    empties = make(inputs_root, planned, bytes_of, role=Role.EMPTY, engine=engine)
    assert [made.outcome.objects for made in positives] == [made.outcome.empty_insertions for made in empties]
    for positive, empty, data in zip(positives, empties, bytes_of, strict=True):
        item_HW = cover_of(positive.outcome.objects, decode_image(data))
        assert (decode_image(positive.data)[item_HW] < decode_image(data)[item_HW]).any()
        assert empty.outcome.licence == positive.outcome.licence


def chunks_of(png):
    names, place = [], 8
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        names.append(png[place + 4 : place + 8])
        place += 12 + length
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_a_negative_is_its_bag_encoded_like_a_positive(inputs_root, planned, bytes_of, image_format):
    negatives = make(inputs_root, planned, bytes_of, role=Role.NEGATIVE, image_format=image_format)
    positives = make(inputs_root, planned, bytes_of, role=Role.POSITIVE, image_format=image_format)
    for image, negative, positive, data in zip(planned, negatives, positives, bytes_of, strict=True):
        outcome = negative.outcome
        assert outcome.objects == outcome.empty_insertions == outcome.distractors == []
        bag = decode_image(data)
        assert negative.data == encode_marked(bag, image.image_id, codec=image_format, jpeg_quality=95)
        assert (outcome.licence, outcome.quality["mean_darkening"]) == ("made up, CC0", 0)
        if image_format == "png":
            assert chunks_of(negative.data) == chunks_of(positive.data)
        else:  # all but the size and the coded pixels: signature, mark, tables, sampling
            assert negative.data[:900] == positive.data[:900]


@pytest.mark.parametrize("role", Role)
def test_every_role_is_rejected_where_no_item_finds_room(inputs_root, planned, role):
    data = encode_image(bag_image(0, hw=(32, 40)))
    small = replace(planned[0], scan_sha256=sha256(data).hexdigest())
    outcome = make(inputs_root, [small], [data], role=role)[0].outcome
    assert (outcome.status, outcome.objects, outcome.empty_insertions) == ("rejected", [], [])
    assert outcome.reason


def with_distractors(**changes):
    return ControlsConfig(distractor_share=1, distractors_max=2, **changes)


def test_distractors_are_seen_recorded_and_no_objects(inputs_root, planned, bytes_of):
    plain = make(inputs_root, planned, bytes_of, role=Role.POSITIVE)
    both = make(inputs_root, planned, bytes_of, role=Role.POSITIVE, controls=with_distractors())
    assert sum(bool(made.outcome.distractors) for made in both) >= 3
    for alone, made, data in zip(plain, both, bytes_of, strict=True):
        outcome, image, bag = made.outcome, decode_image(made.data), decode_image(data)
        without_names = [{**thing, "overlaps": []} for thing in outcome.objects]
        assert without_names == [{**thing, "overlaps": []} for thing in alone.outcome.objects]
        harmless_HW, item_HW = cover_of(outcome.distractors, image), cover_of(outcome.objects, image)
        assert not (harmless_HW & item_HW).any()
        assert not outcome.distractors or image[harmless_HW].mean() < bag[harmless_HW].mean()
        np.testing.assert_array_equal(image[item_HW], decode_image(alone.data)[item_HW])
        assert not {thing["item_id"] for thing in outcome.distractors} & {
            thing["item_id"] for thing in outcome.objects
        }
        assert all(
            thing["object_id"].startswith(f"{made.outcome.image_key[-20:-4]}-d")
            for thing in outcome.distractors
        )


def test_distractors_join_empty_insertions_and_never_negatives(inputs_root, planned, bytes_of):
    empties = make(inputs_root, planned, bytes_of, role=Role.EMPTY, controls=with_distractors())
    assert any(made.outcome.distractors for made in empties)
    assert all(made.outcome.empty_insertions and not made.outcome.objects for made in empties)
    negatives = make(inputs_root, planned, bytes_of, role=Role.NEGATIVE, controls=with_distractors())
    assert not any(made.outcome.distractors for made in negatives)


def test_the_licence_of_a_distractor_binds_the_image(inputs_root, planned, bytes_of, tmp_path):
    config = synth_config(inputs_root, controls=with_distractors())
    bank = ItemBank(
        [
            replace(item, licence="academic use only")
            for item in open_distractors(config.controls, split=None, labels=[])
        ]
    )
    maker = ImageMaker(config, ItemBank.load(config.items), open_classic("tip", EngineConfig()), bank)
    for made in maker.make(planned, bytes_of):
        expected = "academic use only" if made.outcome.distractors else "made up, CC0"
        assert made.outcome.licence == expected
