import io

import numpy as np
import pytest

from rwsc.errors import AccessDenied, ObjectMissing, StorageError
from rwsc.storage.addresses import checked_key
from rwsc.storage.energy_pairs import halves_of, is_pair, pair_uri, probe_pair
from rwsc.storage.images import decode_image, encode_image, probe_image
from rwsc.storage.prefix import Prefix, read_uri, uri_exists


def draw_levels(seed, shape=(6, 9), dtype=np.uint16):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def write_halves(store_uri, low, high, names=("a_low.png", "a_high.png")):
    store = Prefix(store_uri)
    for name, half in zip(names, (low, high), strict=True):
        store.write(name, encode_image(half, codec="npy" if name.endswith("npy") else "png"))
    return pair_uri(store.uri_of(names[0]), store.uri_of(names[1]))


@pytest.mark.parametrize(
    "names",
    [("a_low.png", "a_high.png"), ("Low/a.png", "High/a.png"), ("deep/a LE.npy", "deep/a HE.npy")],
)
def test_both_energies_are_read_as_one_scan_of_steady_bytes(store_uri, names):
    low, high = draw_levels(0), draw_levels(1)
    uri = write_halves(store_uri, low, high, names)
    assert uri_exists(uri)
    data = read_uri(uri)
    assert data == read_uri(uri) == encode_image(np.stack([low, high], axis=-1), codec="npy")
    np.testing.assert_array_equal(decode_image(data)[..., 0], low)
    np.testing.assert_array_equal(np.load(io.BytesIO(data))[..., 1], high)
    info = probe_pair(uri, lambda half_uri: probe_image(read_uri(half_uri)))
    assert (info.width, info.height, info.channels, info.bit_depth) == (9, 6, 2, 16)
    Prefix(store_uri).delete(names[1])
    assert not uri_exists(uri)
    with pytest.raises(ObjectMissing, match=names[1]):
        read_uri(uri)


@pytest.mark.parametrize(
    ("high", "reason"),
    [
        (draw_levels(1, (6, 8)), "differ: a_low.png has 9 x 6 pixels of 16 bits, a_high.png has 8 x 6 pixels of 16"),
        (draw_levels(1, dtype=np.uint8), "a_high.png has 9 x 6 pixels of 8 bits"),
        (draw_levels(1, (6, 9, 3)), "a_high.png has 3 channels, so it is no scan of one energy"),
    ],
)  # fmt: skip
def test_halves_that_do_not_fit_are_refused(tmp_path, high, reason):
    uri = write_halves(str(tmp_path), draw_levels(0), high)
    with pytest.raises(AccessDenied, match=reason):
        read_uri(uri)
    with pytest.raises(AccessDenied, match=reason):
        probe_pair(uri, lambda half_uri: probe_image(read_uri(half_uri)))


def test_a_damaged_half_is_named(tmp_path):
    uri = write_halves(str(tmp_path), draw_levels(0), draw_levels(1))
    (tmp_path / "a_high.png").write_bytes(b"no picture")
    with pytest.raises(AccessDenied, match=r"^a_high.png: the file is no JPEG"):
        read_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "/data/a_low.png#high=/etc/a_high.png",
        "/data/a_low.png#high=../a_high.png",
        "/data/a_low.png#high=../../etc/a_high.png",
        "/data/a_low.png#high=deep/er/a_high.png",
        "/data/a_low.png#high=.//a_high.png",
        "/data/a_low.png#high=",
        "/data/a_low.png#high=passwd",
        "/data/a_low.png#high=a.jpg",
        "/data/a_low.jpg#high=a_high.png",
        "/data/#high=a_high.png",
        "a_low.png#high=a_high.png",
        "/data/a_low.png#high=b.png#high=c.png",
    ],
)
def test_what_lies_elsewhere_cannot_be_named(uri):
    with pytest.raises(StorageError):
        halves_of(uri)


def test_halves_are_found_from_the_address_alone():
    assert halves_of("s3://b/x/a_low.png#high=a_high.png") == ("s3://b/x/a_low.png", "s3://b/x/a_high.png")
    assert halves_of("/d/Low/1.tif#high=High/1.tif") == ("/d/Low/1.tif", "/d/High/1.tif")
    assert halves_of("/d/a#high=b/c_le.png#high=c_he.png") == ("/d/a#high=b/c_le.png", "/d/a#high=b/c_he.png")
    assert not is_pair("/d/a_low.png")
    assert not is_pair("/d/a.parquet#row=1")


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("/d/a/low.png", "/e/high.png"),
        ("/d/a/low.png", "/d/a/deep/high.png"),
        ("/d/a/low.png", "/d/high.png"),
        ("/d/a/low.jpg", "/d/a/high.jpg"),
    ],
)
def test_files_that_lie_apart_are_not_joined(low, high):
    with pytest.raises(StorageError, match="cannot be joined to one scan"):
        pair_uri(low, high)


def test_no_annotation_can_name_a_pair():
    with pytest.raises(StorageError, match="is reserved"):
        checked_key("images/a.png#high=private/b.png")
    with pytest.raises(StorageError, match="is reserved"):
        Prefix("/data").uri_of("a_low.png#high=b.png")
