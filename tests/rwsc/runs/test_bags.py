import hashlib

import numpy as np
import pytest
from support.corpora import bag_image

from rwsc.errors import ObjectMissing, SourceError
from rwsc.runs.bags import BagCache
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix


@pytest.fixture
def rows(tmp_path):
    folder = Prefix(str(tmp_path))
    rows = []
    for number in range(4):
        data = encode_image(bag_image(number, hw=(512, 700)))
        folder.write(f"{number}.png", data)
        rows.append(make_row(folder.uri_of(f"{number}.png"), data))
    return rows


def make_row(uri, data):
    return {"uri": uri, "air_level": [245.0] * 3, "sha256": hashlib.sha256(data).hexdigest()}


def test_a_file_that_changed_since_it_was_indexed_is_refused(rows, tmp_path):
    (tmp_path / "1.png").write_bytes(encode_image(bag_image(9)))
    with pytest.raises(SourceError, match=r"1\.png has changed since it was indexed"):
        BagCache(rows, budget_mib=10).load(1)


def test_an_alpha_channel_is_left_out(tmp_path):
    data = encode_image(np.dstack([bag_image(0), np.full((120, 160), 255, np.uint8)]))
    folder = Prefix(str(tmp_path))
    folder.write("rgba.png", data)
    bag = BagCache([make_row(folder.uri_of("rgba.png"), data)], budget_mib=10).load(0)
    np.testing.assert_array_equal(bag.image, bag_image(0))


def test_bags_are_decoded_with_their_air_level(rows):
    bag = BagCache(rows, budget_mib=10).load(2)
    np.testing.assert_array_equal(bag.image, bag_image(2, hw=(512, 700)))
    np.testing.assert_array_equal(bag.air_level, [245.0] * 3)


def test_a_bag_is_read_once_while_the_budget_lasts(rows, tmp_path):
    cache = BagCache(rows, budget_mib=10)
    first = cache.load(0)
    (tmp_path / "0.png").unlink()
    assert cache.load(0) is first


def test_the_least_recently_used_leave_when_the_budget_is_full(rows, tmp_path):
    cache = BagCache(rows, budget_mib=2)
    for number in (0, 1, 2):
        cache.load(number)
    for number in range(4):
        (tmp_path / f"{number}.png").unlink()
    assert cache.load(2).image.shape == (512, 700, 3)
    with pytest.raises(ObjectMissing):
        cache.load(0)
