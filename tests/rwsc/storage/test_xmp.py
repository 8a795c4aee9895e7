import contextlib
import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rwsc.errors import UnreadableImage
from rwsc.storage.images import decode_image, encode_image, probe_image
from rwsc.storage.xmp import read_xmp, with_xmp

PACKET = "<?xpacket begin='\ufeff'?><x:xmpmeta xmlns:x='adobe:ns:meta/'/><?xpacket end='r'?>".encode()


def draw(shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


IMAGES = {
    "gray png": (draw((9, 7)), "png"),
    "deep gray png": (draw((9, 7), np.uint16), "png"),
    "png": (draw((9, 7, 3)), "png"),
    "deep png": (draw((9, 7, 3), np.uint16), "png"),
    "gray jpeg": (draw((9, 7)), "jpeg"),
    "jpeg": (draw((9, 7, 3)), "jpeg"),
}


@pytest.fixture(params=IMAGES)
def plain(request):
    image, codec = IMAGES[request.param]
    return encode_image(image, codec=codec)


def test_the_pixels_are_those_of_the_file_without_a_packet(plain):
    marked = with_xmp(plain, PACKET)
    assert probe_image(marked) == probe_image(plain)
    np.testing.assert_array_equal(decode_image(marked), decode_image(plain))
    for decode in (
        lambda data: np.asarray(Image.open(io.BytesIO(data))),
        lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED),
    ):
        np.testing.assert_array_equal(decode(marked), decode(plain))


def test_another_library_finds_the_packet_where_the_specification_puts_it(plain):
    opened = Image.open(io.BytesIO(with_xmp(plain, PACKET)))
    assert opened.info["xmp"] == PACKET
    assert read_xmp(with_xmp(plain, PACKET)) == PACKET
    assert read_xmp(plain) is None


def test_what_pillow_wrote_is_read():
    texts = PngInfo()
    texts.add_itxt("Comment", "another text")
    texts.add_itxt("XML:com.adobe.xmp", PACKET.decode())
    for format, options in (("PNG", {"pnginfo": texts}), ("JPEG", {"xmp": PACKET, "exif": Image.Exif()})):
        file = io.BytesIO()
        Image.fromarray(draw((9, 7, 3))).save(file, format, **options)
        assert read_xmp(file.getvalue()) == PACKET


@given(st.data())
def test_damage_is_no_packet_or_another_one_but_never_a_crash(data):
    image, codec = data.draw(st.sampled_from(list(IMAGES.values())))
    marked = bytearray(with_xmp(encode_image(image, codec=codec), PACKET))
    place = data.draw(st.integers(0, 200))
    marked[place : place + 4] = data.draw(st.binary(max_size=8))
    cut = bytes(marked[: data.draw(st.integers(0, len(marked)))])
    assert isinstance(read_xmp(cut), bytes | None)
    with contextlib.suppress(UnreadableImage):
        probe_image(cut)


def test_other_formats_take_none():
    with pytest.raises(ValueError, match="PNG and JPEG"):
        with_xmp(encode_image(draw((9, 7)), codec="npy"), PACKET)
    with pytest.raises(ValueError, match="JPEG segment holds"):
        with_xmp(encode_image(draw((9, 7)), codec="jpeg"), b"x" * 70_000)
    assert read_xmp(b"") is None
    assert read_xmp(encode_image(draw((9, 7)), codec="npy")) is None
