import io
import random
import resource
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rwsc.errors import UnreadableImage
from rwsc.storage.images import (
    DEFAULT_LIMITS,
    ImageInfo,
    ImageLimits,
    decode_image,
    encode_image,
    probe_image,
)
from rwsc.storage.npy_files import AIR_OF_FLOATS

SHAPES = [(5, 7), (5, 7, 2), (5, 7, 3)]


def draw_levels(shape, dtype=np.uint16):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def saved(array, version=None):
    """What NumPy writes."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def with_header(text, *, version=1, payload=b"\0" * 64, length=None):
    encoded = text.encode()
    form = "<H" if version == 1 else "<I"
    stated = len(encoded) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, stated) + encoded + payload


def header(descr="'<u2'", order="False", shape="(4, 8)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_whole_numbers_of_any_order_are_exact(shape, dtype, order, version):
    levels = draw_levels(shape, np.dtype(dtype).newbyteorder("="))
    data = saved(np.asarray(levels.astype(dtype), order=order), version)
    image = decode_image(data)
    assert image.dtype == levels.dtype.newbyteorder("=")
    assert image.dtype.isnative
    assert image.flags.c_contiguous
    assert image.flags.writeable
    np.testing.assert_array_equal(image, levels)
    channels = 1 if len(shape) == 2 else shape[2]
    expected = ImageInfo(width=7, height=5, bit_depth=8 * levels.itemsize, channels=channels, format="NPY")
    assert probe_image(data) == probe_image(data[:128]) == expected


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8"])
def test_floats_are_transmission_with_room_for_noise_above_air(dtype):
    transmission = np.array([[[0.0, 1.0], [0.5, 1.3], [-0.01, 1e-4]]], dtype)
    image = decode_image(saved(transmission))
    assert image.dtype == np.uint16
    assert image.tolist() == [[[0, 50_000], [25_000, 65_000], [0, 5]]]
    assert probe_image(saved(transmission)).bit_depth == 16
    assert AIR_OF_FLOATS == 50_000


@pytest.mark.parametrize("value", [-0.2, 1.4, 255.0, np.nan, np.inf, -np.inf])
def test_floats_that_are_no_transmission_are_refused(value):
    transmission = np.ones((3, 3), np.float32)
    transmission[1, 1] = value
    with pytest.raises(UnreadableImage, match=r"is no transmission .*divide by the air level"):
        decode_image(saved(transmission))


@given(hnp.arrays(st.sampled_from([np.uint8, np.uint16]), st.sampled_from(SHAPES)))
def test_what_is_written_is_read_and_written_the_same(levels):
    data = encode_image(levels, codec="npy")
    np.testing.assert_array_equal(decode_image(data), levels)
    assert encode_image(decode_image(data), codec="npy") == data
    assert encode_image(np.asfortranarray(levels), codec="npy") == data
    np.testing.assert_array_equal(np.load(io.BytesIO(data), allow_pickle=False), levels)


@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 4, 1), (4,), (0, 4)])
def test_what_no_scan_looks_like_is_not_written(shape):
    with pytest.raises(ValueError, match="no image"):
        encode_image(np.zeros(shape, np.uint16), codec="npy")


class Trap:
    """Pickled, it would run code where it is loaded."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def pickled():
    file = io.BytesIO()
    np.save(file, np.array([[Trap()]], dtype=object), allow_pickle=True)
    return file.getvalue()


WHOLE = saved(draw_levels((20, 30, 2)))

REFUSED = {
    "objects": (pickled(), r"NPY of type '\|O' is not read"),
    "records": (saved(np.zeros((2, 2), [("low", "<u2")])), "header is damaged, or not that of an array of numbers"),
    "text": (saved(np.full((2, 2), "ab")), "NPY of type '<U2' is not read"),
    "signed": (saved(np.zeros((2, 2), np.int16)), "'<i2' is not read: store uint8, uint16"),
    "wide": (saved(np.zeros((2, 2), np.uint32)), "'<u4' is not read"),
    "half floats": (saved(np.zeros((2, 2), np.float16)), "'<f2' is not read"),
    "bools": (saved(np.zeros((2, 2), bool)), r"'\|b1' is not read"),
    "no byte order": (with_header(header("'|u2'")), r"'\|u2' is not read"),
    "a number": (saved(np.uint8(1)), r"NPY of shape \(\) is no image"),
    "a line": (saved(np.zeros(9, np.uint8)), r"shape \(9,\) is no image"),
    "a stack of scans": (saved(np.zeros((2, 30, 20), np.uint16)), r"shape \(2, 30, 20\) is no image: .*channels last"),
    "four channels": (saved(np.zeros((3, 3, 4), np.uint8)), r"shape \(3, 3, 4\) is no image"),
    "nothing": (saved(np.zeros((0, 4), np.uint8)), r"shape \(0, 4\) is no image"),
    "huge": (with_header(header(shape="(50000, 50000, 2)")), "NPY of 50,000 x 50,000 pixels is over the limit"),
    "beyond all numbers": (with_header(header(shape="(99999999999999999999, 9)")), "is over the limit"),
    "negative": (with_header(header(shape="(-4, 8)")), "header is damaged"),
    "code": (with_header(header(descr="__import__('os')")), "header is damaged"),
    "a call behind": (with_header(header().strip() + " or exit()"), "header is damaged"),
    "an entry twice, one missing": (with_header("{'descr': '<u2', 'descr': '<u2', 'shape': (4, 8)}"), "is damaged"),
    "truth for a shape": (with_header(header(shape="True")), "header is damaged"),
    "a strange key": (with_header("{'descr': '<u2', 'fortran_order': False, 'shape': (4, 8), 'x': 1}"), "is damaged"),
    "version 0": (with_header(header(), version=0), "NPY of version 0 is not read"),
    "version 9": (with_header(header(), version=9), "NPY of version 9 is not read"),
    "a header of 4 GB": (with_header("x", version=2, length=2**32 - 1), "states a header of 4,294,967,295 bytes"),
    "a long header": (with_header(header() + " " * 2000), "states a header of 2,0"),
    "cut in its magic": (WHOLE[:7], "NPY is cut inside its header"),
    "cut in its length": (WHOLE[:9], "NPY is cut inside its header"),
    "cut in its header": (WHOLE[:60], "NPY is cut inside its header"),
    "cut": (WHOLE[:-1], "NPY is cut short: it has 2,527 bytes, its header states 2,528"),
    "too long": (WHOLE + b"\0", "NPY is damaged: it has 2,529 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_scan_is_refused_for_its_own_reason(name):
    data, reason = REFUSED[name]
    with pytest.raises(UnreadableImage, match=reason) as caught:
        decode_image(data)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_a_bomb_takes_no_memory():
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("huge", "beyond all numbers", "a header of 4 GB"):
        with pytest.raises(UnreadableImage):
            decode_image(REFUSED[name][0])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 20_000


def test_the_limit_of_pixels_holds():
    assert decode_image(WHOLE, limits=ImageLimits(max_pixels=600)).shape == (20, 30, 2)
    with pytest.raises(UnreadableImage, match="over the limit of 599"):
        decode_image(WHOLE, limits=ImageLimits(max_pixels=599))


def decode_or_reason(data, limits=DEFAULT_LIMITS):
    try:
        return decode_image(data, limits=limits)
    except UnreadableImage as refusal:
        message = refusal.message
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_damaged_bytes_give_an_array_or_a_reason(version, order):
    data = saved(np.asarray(draw_levels((6, 9, 2)), order=order), version)
    draw = random.Random(f"{version}{order}")
    limits, num_refused = ImageLimits(max_pixels=10_000), 0
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(draw.choice([1, 1, 2, 8])):
            at = draw.randrange(8, 100)
            damaged[at : at + draw.choice([0, 1, 1])] = draw.choice(
                [draw.randbytes(1), b"9", b"(", b",", b"'", b"|O", b"0" * 20]
            )
        image = decode_or_reason(bytes(damaged), limits)
        num_refused += isinstance(image, str)
        assert isinstance(image, str) or image.shape[0] * image.shape[1] <= 10_000
    assert num_refused > 1000


@given(st.text("{}()[],:' 0123456789<>|uf248OdescrfortanlhpTFue-", max_size=120), st.sampled_from([1, 2, 3]))
def test_any_header_gives_an_array_or_a_reason(text, version):
    decode_or_reason(with_header(text, version=version))


@given(st.binary(max_size=120))
def test_any_bytes_behind_the_magic_give_an_array_or_a_reason(data):
    decode_or_reason(b"\x93NUMPY" + data)
