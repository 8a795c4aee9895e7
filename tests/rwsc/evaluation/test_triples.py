import numpy as np
import pytest
from support.triples import product, scene

from rwsc.errors import ObjectMissing, RwscError, SourceError, UnreadableImage
from rwsc.evaluation.luma import to_luma
from rwsc.evaluation.triples import read_triple
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix

ITEM, BAG, MASK_HW = scene(channels=(3,))
PICTURES = {
    "item.png": ITEM,
    "bag.png": BAG,
    "fused.png": product(ITEM, BAG),
    "mask.png": MASK_HW.astype(np.uint8),
}


@pytest.fixture
def read(store_uri):
    """Write pictures under their names, some other than usual, and read them."""
    folder = Prefix(store_uri)

    def written(**others):
        for name, picture in (PICTURES | {f"{key}.png": value for key, value in others.items()}).items():
            folder.write(name, picture if isinstance(picture, bytes) else encode_image(picture))
        uris = [folder.uri_of(f"{name}.png") for name in ("item", "bag", "fused")]
        return read_triple(*uris, mask_uri=folder.uri_of("mask.png"))

    return written


def test_pictures_and_mask_come_back_as_they_were_stored(read):
    triple = read()
    for found, name in zip((triple.item, triple.bag, triple.fused), PICTURES, strict=False):
        np.testing.assert_array_equal(found, PICTURES[name])
    assert triple.mask_HW.dtype == bool
    np.testing.assert_array_equal(triple.mask_HW, MASK_HW)


def test_masks_may_have_any_depth_and_colour(read):
    for levels in (
        MASK_HW * np.uint16(300),
        np.dstack([MASK_HW * 0, MASK_HW * 255, MASK_HW * 0]).astype(np.uint8),
    ):
        np.testing.assert_array_equal(read(mask=levels).mask_HW, MASK_HW)


def test_what_is_transparent_is_white_whatever_hides_there(read):
    with_alpha = np.dstack([ITEM, MASK_HW.astype(np.uint8) * 255])
    on_white = np.where(MASK_HW[..., None], ITEM, 255)
    np.testing.assert_array_equal(read(item=with_alpha).item, on_white)
    with_alpha[~MASK_HW] = 0
    np.testing.assert_array_equal(read(item=with_alpha).item, on_white)


def test_an_opaque_picture_with_alpha_is_as_without(read):
    with_alpha = np.dstack([ITEM, np.full(MASK_HW.shape, 255, np.uint8)])
    np.testing.assert_array_equal(read(item=with_alpha).item, ITEM)


def test_what_is_transparent_in_a_mask_is_not_the_item(read):
    white = np.full((*MASK_HW.shape, 3), 255, np.uint8)
    mask = np.dstack([white, MASK_HW.astype(np.uint8) * 255])
    np.testing.assert_array_equal(read(mask=mask).mask_HW, MASK_HW)


def test_where_one_picture_is_grey_all_are(read):
    triple = read(fused=to_luma(product(ITEM, BAG)))
    np.testing.assert_array_equal(triple.item, to_luma(ITEM))
    np.testing.assert_array_equal(triple.bag, to_luma(BAG))
    assert triple.fused.shape == MASK_HW.shape


@pytest.mark.parametrize(
    ("others", "kind", "message"),
    [
        ({"fused": BAG[1:]}, SourceError, "fused.png is 26 x 21 pixels, "),
        ({"bag": BAG[:, 1:]}, SourceError, "bag.png is 25 x 22 pixels, "),
        ({"mask": MASK_HW[:3].astype(np.uint8)}, SourceError, "mask.png is 26 x 3 pixels, "),
        ({"item": ITEM.astype(np.uint16)}, SourceError, "item.png has 16 bits per channel"),
        (
            {"mask": np.dstack([np.zeros_like(ITEM), MASK_HW * np.uint8(255)])},
            SourceError,
            "mask.png is black wherev",
        ),
        ({"bag": b"no image"}, UnreadableImage, "bag.png: the file is no JPEG"),
        ({"mask": encode_image(BAG)[:200]}, UnreadableImage, "mask.png: PNG is "),
    ],
)
def test_what_cannot_be_compared_is_named(read, others, kind, message):
    with pytest.raises(kind) as raised:
        read(**others)
    assert message in raised.value.message
    assert "\n" not in raised.value.message


def test_a_missing_file_is_named(store_uri):
    with pytest.raises(ObjectMissing, match=r"item\.png"):
        read_triple(*(f"{store_uri}/{name}.png" for name in ("item", "bag", "fused")))


def test_a_picture_that_would_take_all_memory_is_refused_unread(read):
    bomb = encode_image(np.zeros((5001, 5000), np.uint8))
    assert len(bomb) < 200_000
    with pytest.raises(RwscError, match=r"fused\.png: PNG of 5,000 x 5,001 pixels is over the limit"):
        read(fused=bomb)


def test_two_energies_are_no_picture(tmp_path):
    Prefix(str(tmp_path)).write("bag.npy", encode_image(ITEM))
    np.save(tmp_path / "item.npy", ITEM[..., :2])
    with pytest.raises(SourceError, match=r"item\.npy has 2 channels"):
        read_triple(*(str(tmp_path / name) for name in ("item.npy", "bag.npy", "bag.npy")))
