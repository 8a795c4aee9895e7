import hashlib
from dataclasses import replace

import numpy as np
import pytest
from support.probe_scans import write_probe_scans

from rwsc.errors import ConfigError, SourceError
from rwsc.evaluation.probe import PATCH_PX, PATCHES
from rwsc.evaluation.probe_catalogue import find_pairs, open_scene
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.match import MatchConfig
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import write_uri

TIP = open_classic("tip", EngineConfig())


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_probe_scans(str(tmp_path_factory.mktemp("probe")))


@pytest.fixture(scope="module")
def pairs(scans):
    return find_pairs(*scans, number=100)[0]


@pytest.fixture(scope="module")
def scenes(pairs):
    return [(pair, scene) for pair in pairs if (scene := open_scene(pair)) is not None]


def test_no_bag_no_session_and_no_physical_item_is_in_two_folds(pairs):
    assert len(pairs) >= 6
    assert len({pair.fold for pair in pairs}) >= 2
    folds: dict[tuple[str, str], set[int]] = {}
    for pair in pairs:
        seen = [
            ("item", pair.item.physical_item_id),
            ("session", pair.scan.group),
            ("scan", pair.scan.scan_id),
        ]
        seen += [("session", bag.group) for bag in pair.bags] + [("scan", bag.scan_id) for bag in pair.bags]
        for thing in seen:
            folds.setdefault(thing, set()).add(pair.fold)
    assert {thing: found for thing, found in folds.items() if len(found) > 1} == {}
    assert all(bag.kind == "benign" for pair in pairs for bag in pair.bags)


def test_the_same_catalogue_gives_the_same_pairs_and_scenes(scans, pairs, scenes):
    again, _ = find_pairs(*scans, number=100)
    assert [(pair.item.item_id, pair.fold, pair.bags) for pair in again] == [
        (pair.item.item_id, pair.fold, pair.bags) for pair in pairs
    ]
    pair, scene = scenes[0]
    repeated = open_scene(pair)
    made = [
        each.harmless.patches(each.harmless.fused(TIP, MatchConfig(), seed=1)) for each in (scene, repeated)
    ]
    assert np.array_equal(*made)
    assert np.array_equal(scene.real.patches(), repeated.real.patches())


def test_patches_of_the_real_item_show_it_where_its_box_is(scenes):
    for pair, scene in scenes:
        x, y, width, height = next(iter(pair.scan.objects)).bbox_xywh
        assert len(scene.real.places_N2) == PATCHES
        reach = PATCH_PX // 2
        rows, columns = scene.real.places_N2.T
        assert ((rows >= y - reach) & (rows <= y + height + reach)).all()
        assert ((columns >= x - reach) & (columns <= x + width + reach)).all()
        assert scene.real.patches()[..., 3].max() == 0  # the cover is not told


def test_the_item_in_its_own_scan_keeps_away_from_itself(scenes):
    for pair, scene in scenes:
        x, y, width, height = pair.scan.objects[0].bbox_xywh
        laid = scene.own.insertion
        below, right = laid.y_px + laid.alpha_HW.shape[0], laid.x_px + laid.alpha_HW.shape[1]
        touched_HW = np.zeros(scene.own.scan.shape[:2], bool)
        touched_HW[laid.y_px : below, laid.x_px : right] = laid.alpha_HW > 0
        assert not touched_HW[int(y) : int(y + height) + 1, int(x) : int(x + width) + 1].any()
        assert np.array_equal(scene.own.scan, scene.real.scan)


def test_an_empty_insertion_by_tip_is_the_bag_itself_and_an_item_is_not(scenes):
    for _, scene in scenes:
        spot = scene.harmless
        bag = spot.patches()
        assert np.array_equal(spot.patches(spot.fused(TIP, MatchConfig(), seed=3, is_empty=True)), bag)
        assert not np.array_equal(spot.patches(spot.fused(TIP, MatchConfig(), seed=3)), bag)


def test_fewer_pairs_are_taken_evenly(scans, pairs):
    few, _ = find_pairs(*scans, number=4)
    assert len(few) == 4
    assert {pair.item.item_id for pair in few} <= {pair.item.item_id for pair in pairs}
    assert len({pair.fold for pair in few}) == min(4, len({pair.fold for pair in pairs}))


def test_groups_are_left_out_and_unknown_ones_refused(scans, pairs):
    session = pairs[0].scan.group
    kept, _ = find_pairs(*scans, number=100, without_groups=["benign 0", session])
    assert kept
    assert session not in {pair.scan.group for pair in kept}
    assert "benign 0" not in {bag.group for pair in kept for bag in pair.bags}
    with pytest.raises(ConfigError, match="of the group 'nowhere'"):
        find_pairs(*scans, number=100, without_groups=["nowhere"])


def test_one_session_of_bags_cannot_be_taken_apart(scans):
    left_out = [f"benign {number}" for number in range(1, 4)]
    with pytest.raises(SourceError, match=r"cannot be taken apart: .* harmless scans of 1"):
        find_pairs(*scans, number=100, without_groups=left_out)


def test_a_bank_whose_scans_are_not_in_the_catalogue_is_refused(scans):
    threats = [f"threat {number}" for number in range(4)]
    with pytest.raises(SourceError, match=r"no usable item of .* was cut out of a threat scan"):
        find_pairs(*scans, number=9, without_groups=threats)


def test_what_is_transparent_of_a_scan_is_air(pairs, scenes, tmp_path):
    pair, scene = scenes[0]
    own = scene.own.scan
    image = np.dstack([own, np.full(own.shape[:2], 255, np.uint8)])
    image[:4] = 0
    data = encode_image(image)
    write_uri(f"{tmp_path}/rgba.png", data)
    scan = replace(pair.scan, uri=f"{tmp_path}/rgba.png", sha256=hashlib.sha256(data).hexdigest())
    seen = open_scene(replace(pair, scan=scan)).own.scan
    np.testing.assert_array_equal(seen[4:], own[4:])
    np.testing.assert_array_equal(seen[:4], np.broadcast_to(np.rint(scan.air_level), seen[:4].shape))
