import hashlib

import numpy as np
import pytest

from rwsc.errors import ObjectMissing, SourceError, UnreadableImage
from rwsc.sources.reread import read_indexed
from rwsc.storage.images import ImageLimits, encode_image
from rwsc.storage.prefix import Prefix


def test_a_scan_comes_back_whole_unless_it_is_another_or_gone(store_uri):
    image = np.random.default_rng(0).integers(0, 256, (9, 11, 4), dtype=np.uint8)
    data = encode_image(image)
    Prefix(store_uri).write("a.png", data)
    uri = Prefix(store_uri).uri_of("a.png")
    np.testing.assert_array_equal(read_indexed(uri, hashlib.sha256(data).hexdigest()), image)
    with pytest.raises(UnreadableImage):
        read_indexed(uri, hashlib.sha256(data).hexdigest(), limits=ImageLimits(max_pixels=98))
    with pytest.raises(SourceError, match=r"a\.png has changed since it was indexed"):
        read_indexed(uri, "0" * 64)
    with pytest.raises(ObjectMissing):
        read_indexed(Prefix(store_uri).uri_of("b.png"), "0" * 64)
