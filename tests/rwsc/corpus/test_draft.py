from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.plans import bags_of, plan_of
from support.two_views import VIEWS, paired_config

from rwsc.corpus.draft import Draft, Drafter
from rwsc.corpus.pairs import paired_bags
from rwsc.corpus.plan import planned_images
from rwsc.errors import ObjectMissing
from rwsc.items.bank import ItemBank
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import read_uri


@pytest.fixture(scope="module")
def planned(paired_root):
    bags = paired_bags(bags_of(paired_root), VIEWS)
    return list(planned_images(plan_of(bags, 40, paired=True)))


def drafter(root, **placement):
    config = paired_config(root, placement={"items_min": 1, "items_max": 2, **placement})
    return Drafter(config, ItemBank.load(config.items))


def both(maker, planned, number):
    """Drafts of the two images of a pair, each made by itself."""
    images = planned[2 * number : 2 * number + 2]
    return [
        maker.draft(image, read_uri(image.scan_uri), read_uri(image.partner.scan_uri)) for image in images
    ]


def test_both_views_get_the_same_things_over_the_same_stretch_of_the_belt(paired_root, planned):
    maker = drafter(paired_root)
    sizes = Counter()
    for number in range(20):
        one, other = both(maker, planned, number)
        assert isinstance(one, Draft), one
        assert [item.view for item in one.items] == ["OL"] * len(one.items)
        assert [item.view for item in other.items] == ["SD"] * len(one.items)
        assert [item.group for item in one.items] == [item.group for item in other.items]
        for first, second in zip(one.placements, other.placements, strict=True):
            assert first.x_px == second.x_px
            assert first.posed.alpha_HW.shape[1] == pytest.approx(second.posed.alpha_HW.shape[1], abs=1)
        sizes[len(one.items)] += 1
    assert set(sizes) == {1, 2}


def test_an_image_of_a_pair_is_the_same_whatever_was_made_before_it(paired_root, planned):
    used = drafter(paired_root)
    for number in (0, 1, 2):
        for image, draft in zip(planned[2 * number :], both(used, planned, number), strict=False):
            fresh = drafter(paired_root).draft(
                image, read_uri(image.scan_uri), read_uri(image.partner.scan_uri)
            )
            assert [p.bbox_xywh for p in fresh.placements] == [p.bbox_xywh for p in draft.placements]
            np.testing.assert_array_equal(fresh.scan, draft.scan)


def test_a_pair_of_which_one_view_cannot_be_used_fails_in_both(paired_root, planned):
    image, partner = planned[:2]
    data, gone = read_uri(image.scan_uri), ObjectMissing("nothing at x")
    failed = drafter(paired_root).draft(image, data, gone)
    assert (failed.status, failed.reason) == ("failed", "the other view of the bag: nothing at x")
    failed = drafter(paired_root).draft(partner, gone, data)
    assert (failed.status, failed.reason) == ("failed", "nothing at x")
    changed = drafter(paired_root).draft(image, data, data)
    assert changed.reason == "the other view of the bag: the scan's file has changed since it was indexed"


def test_a_pair_of_which_one_view_has_no_room_is_rejected_in_both(paired_root, planned):
    import hashlib

    image, partner = planned[:2]
    empty = encode_image(np.full((60, 160, 3), 245, np.uint8))
    sha256 = hashlib.sha256(empty).hexdigest()
    without = replace(image, partner=replace(image.partner, scan_sha256=sha256))
    rejected = drafter(paired_root).draft(without, read_uri(image.scan_uri), empty)
    assert (rejected.status, rejected.reason) == (
        "rejected",
        "the other view of the bag: no bag was found in the scan",
    )
    own = replace(partner, scan_sha256=sha256)
    assert (
        drafter(paired_root).draft(own, empty, read_uri(image.scan_uri)).reason
        == "no bag was found in the scan"
    )
    crowded = [
        outcome
        for outcome in both(drafter(paired_root, scale_min=6.0, scale_max=6.0), planned, 0)
        if not isinstance(outcome, Draft)
    ]
    assert [outcome.status for outcome in crowded] == ["rejected", "rejected"]
    assert crowded[0].reason == crowded[1].reason


def test_a_pair_is_not_made_without_its_other_view(paired_root, planned):
    with pytest.raises(ValueError, match="other view was not read"):
        drafter(paired_root).draft(planned[0], read_uri(planned[0].scan_uri))
