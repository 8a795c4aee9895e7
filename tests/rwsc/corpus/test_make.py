import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest
from support.corpora import bag_image, synth_config
from support.plans import bags_of, plan_of

from rwsc.corpus.make import ImageMaker
from rwsc.corpus.plan import planned_images
from rwsc.errors import ConfigError, ObjectMissing, RwscError, SourceError
from rwsc.fusion.tip import TipEngine
from rwsc.items.bank import ItemBank
from rwsc.items.pixels import encode_alpha, encode_transmission
from rwsc.sources.masks import decode_rle
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import read_uri


@pytest.fixture(scope="module")
def planned(inputs_root):
    return list(planned_images(plan_of(bags_of(inputs_root), 8)))


@pytest.fixture(scope="module")
def bytes_of(planned):
    return [read_uri(image.scan_uri) for image in planned]


def make_maker(root, **changes):
    config = synth_config(root, **changes)
    return ImageMaker(config, ItemBank.load(config.items), TipEngine())


def with_bag(planned, image):
    data = encode_image(image) if isinstance(image, np.ndarray) else image
    return replace(planned, scan_sha256=hashlib.sha256(data).hexdigest()), data


def test_made_images_decode_to_the_bag_outside_the_fused_rectangles(inputs_root, planned, bytes_of):
    maker = make_maker(inputs_root, placement={"items_min": 1, "items_max": 3})
    for made, data in zip(maker.make(planned, bytes_of), bytes_of, strict=True):
        image, bag = decode_image(made.data), decode_image(data)
        touched = np.zeros(bag.shape[:2], bool)
        for thing in made.outcome.objects:
            x, y, width, height = thing["fused_xywh"]
            touched[y : y + height, x : x + width] = True
        np.testing.assert_array_equal(image[~touched], bag[~touched])
        assert (image[touched] != bag[touched]).any()


def test_boxes_fit_their_masks_to_the_pixel(inputs_root, planned, bytes_of):
    for made in make_maker(inputs_root).make(planned, bytes_of):
        for thing in made.outcome.objects:
            mask_HW = decode_rle(thing["mask_rle"], height=made.outcome.height, width=made.outcome.width)
            rows, columns = np.flatnonzero(mask_HW.any(1)), np.flatnonzero(mask_HW.any(0))
            tight = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
            assert thing["bbox_xywh"] == tight
            assert thing["area"] == mask_HW.sum() > 0


def test_the_whole_item_lies_in_the_bag_and_darkens_it(inputs_root, planned, bytes_of):
    for made, data in zip(make_maker(inputs_root).make(planned, bytes_of), bytes_of, strict=True):
        bag, image = decode_image(data), decode_image(made.data)
        for thing in made.outcome.objects:
            mask_HW = decode_rle(thing["mask_rle"], height=bag.shape[0], width=bag.shape[1])
            assert (bag[mask_HW].mean(axis=1) < 240).all()
            assert image[mask_HW].mean() < bag[mask_HW].mean()
        assert made.outcome.quality["mean_darkening"] > 0


def test_what_stands_beside_an_image_does_not_change_it(inputs_root, planned, bytes_of):
    maker = make_maker(inputs_root, placement={"items_min": 1, "items_max": 2})
    together = maker.make(planned, bytes_of)
    for image, data, made in zip(planned, bytes_of, together, strict=True):
        alone = maker.make([image], [data])[0]
        assert alone.data == made.data
        assert alone.outcome == made.outcome


def test_another_seed_places_other_items(inputs_root, planned, bytes_of):
    maker = make_maker(inputs_root)
    one = maker.make(planned[:1], bytes_of[:1])[0]
    other = maker.make([replace(planned[0], seed=planned[0].seed + 1)], bytes_of[:1])[0]
    assert one.data != other.data


@pytest.mark.parametrize(
    ("bag", "reason"),
    [
        (b"", "empty|no bytes|0 bytes"),
        (b"this is no picture at all", "is no JPEG, PNG"),
        (encode_image(bag_image(0))[:-300], "truncated|damaged|incomplete|cut|end"),
    ],
)
def test_a_poisoned_bag_costs_its_own_row_only(inputs_root, planned, bytes_of, bag, reason):
    poisoned, data = with_bag(planned[0], bag)
    failed, fine = make_maker(inputs_root).make([poisoned, planned[1]], [data, bytes_of[1]])
    assert (failed.outcome.status, failed.data) == ("failed", None)
    assert re.search(reason, failed.outcome.reason), failed.outcome.reason
    assert "\n" not in failed.outcome.reason
    assert fine.outcome.status == "made"


def test_a_bag_that_is_gone_or_changed_is_a_failed_row(inputs_root, planned, bytes_of):
    maker = make_maker(inputs_root)
    gone, changed = maker.make(planned[:2], [ObjectMissing("nothing at x"), bytes_of[1] + b"!"])
    assert gone.outcome.reason == "nothing at x"
    assert changed.outcome.reason == "the scan's file has changed since it was indexed"


def test_a_scan_without_a_bag_is_rejected(inputs_root, planned):
    image, data = with_bag(planned[0], np.full((80, 90, 3), 245, np.uint8))
    outcome = make_maker(inputs_root).make([image], [data])[0].outcome
    assert (outcome.status, outcome.reason) == ("rejected", "no bag was found in the scan")


def test_a_bag_too_small_for_every_item_is_rejected_with_the_sizes(inputs_root, planned):
    image, data = with_bag(planned[0], bag_image(0, hw=(32, 40)))
    outcome = make_maker(inputs_root).make([image], [data])[0].outcome
    assert outcome.status == "rejected"
    assert "px" in outcome.reason


def test_a_scan_over_the_limit_is_a_failed_row(inputs_root, planned, bytes_of):
    outcome = make_maker(inputs_root, max_pixels=100).make(planned[:1], bytes_of[:1])[0].outcome
    assert outcome.status == "failed"
    assert "pixels" in outcome.reason


def test_a_bag_of_16_bits_cannot_become_jpeg_and_costs_its_row_only(inputs_root, planned, bytes_of):
    deep, data = with_bag(planned[0], bag_image(0).astype(np.uint16) * 257)
    deep = replace(deep, air_level=[245.0 * 257] * 3)
    maker = make_maker(inputs_root, image_format="jpeg")
    failed, fine = maker.make([deep, planned[1]], [data, bytes_of[1]])
    assert failed.outcome.status == "failed"
    assert "JPEG holds 8 bits" in failed.outcome.reason
    assert fine.outcome.status == "made"
    assert make_maker(inputs_root).make([deep], [data])[0].outcome.bit_depth == 16


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ZeroDivisionError("too dark\nfor me"), "failed", "ZeroDivisionError: too dark for me"),
        (SourceError("item 7 is damaged"), "failed", "item 7 is damaged"),
        (ConfigError("this engine wants colour"), "rejected", "this engine wants colour"),
    ],
)
def test_an_engine_that_breaks_on_one_image_costs_that_image_only(
    inputs_root, planned, bytes_of, error, status, reason
):
    class Breaking(TipEngine):
        def fuse(self, regions):
            if any(region.bag_HWC.mean() < self.limit for region in regions):
                raise error
            return super().fuse(regions)

    config = synth_config(inputs_root)
    engine = Breaking()
    engine.limit = 0
    maker = ImageMaker(config, ItemBank.load(config.items), engine)
    dark, data = with_bag(planned[0], (bag_image(0) * 0.35).astype(np.uint8))
    engine.limit = 0.3
    failed, fine = maker.make([dark, planned[1]], [data, bytes_of[1]])
    assert (failed.outcome.status, failed.outcome.reason) == (status, reason)
    assert fine.data == make_maker(inputs_root).make([planned[1]], [bytes_of[1]])[0].data


def test_the_licence_of_weights_binds_what_they_make(inputs_root, planned, bytes_of):
    class Academic(TipEngine):
        licences = ["academic use only"]  # noqa: RUF012

    config = synth_config(inputs_root)
    made = ImageMaker(config, ItemBank.load(config.items), Academic()).make(planned[:1], bytes_of[:1])[0]
    assert made.outcome.licence == "academic use only"
    assert make_maker(inputs_root).make(planned[:1], bytes_of[:1])[0].outcome.licence == "made up, CC0"


def test_class_weights_choose_classes(inputs_root, planned, bytes_of):
    maker = make_maker(inputs_root, class_weights={"gun": 0.0, "knife": 1.0})
    labels = {thing["label"] for made in maker.make(planned, bytes_of) for thing in made.outcome.objects}
    assert labels == {"knife"}


def test_a_bag_whose_scanner_has_no_item_is_a_rejected_row(inputs_root, planned, bytes_of):
    maker = make_maker(inputs_root, item_scanner="same")
    strange = replace(planned[0], scanner_id="another scanner")
    made, strange_made = maker.make([planned[1], strange], [bytes_of[1], bytes_of[0]])
    assert made.outcome.status == "made"
    assert strange_made.outcome.status == "rejected"
    assert "another scanner" in strange_made.outcome.reason


def test_a_weight_for_a_class_without_items_is_refused(inputs_root):
    with pytest.raises(RwscError, match="class_weights names 'sword'"):
        make_maker(inputs_root, class_weights={"sword": 1.0})


def test_jpeg_output_is_jpeg(inputs_root, planned, bytes_of):
    made = make_maker(inputs_root, image_format="jpeg").make(planned[:1], bytes_of[:1])[0]
    assert made.data.startswith(b"\xff\xd8")
    assert made.outcome.image_key.endswith(".jpg")
    assert made.outcome.sha256 == hashlib.sha256(made.data).hexdigest()


def test_a_distractor_that_alone_finds_room_is_laid_however_many_items_there_must_be(
    inputs_root, planned, bytes_of
):
    config = synth_config(
        inputs_root,
        placement={"items_min": 2, "items_max": 2, "scale_max": 0.7},
        controls={"distractor_share": 1, "distractors_max": 3},
    )
    bank = ItemBank.load(config.items)
    fits, huge = replace(bank.items[0], label="fits"), np.ones((2000, 2000), np.float32)
    too_large = replace(
        fits,
        item_id="too large",
        label="too large",
        transmission_png=encode_transmission(0.5 * huge[..., None]),
        alpha_png=encode_alpha(huge),
    )
    maker = ImageMaker(config, bank, TipEngine(), ItemBank([fits, too_large]))
    laid = [made.outcome.distractors for made in maker.make(planned, bytes_of)]
    assert any(laid)
    assert {thing["label"] for things in laid for thing in things} == {"fits"}
