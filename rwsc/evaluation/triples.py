"""An item, a bag and their fusion, read from files for comparison."""

from dataclasses import dataclass

import numpy as np

from rwsc.errors import SourceError, UnreadableImage
from rwsc.evaluation.luma import to_luma
from rwsc.sources.transparency import on_air, where_there, without_alpha
from rwsc.storage.images import ImageLimits, decode_image
from rwsc.storage.prefix import read_uri

_LIMITS = ImageLimits(max_pixels=25_000_000)
"""The metrics hold some 200 bytes per pixel at once."""

_WHITE = (255.0, 255.0, 255.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Triple:
    """Three 8-bit pictures of one shape, and where the item is."""

    item: np.ndarray
    """The item alone in the frame, (H, W) or (H, W, 3)."""

    bag: np.ndarray
    """The bag alone, same shape."""

    fused: np.ndarray
    """Both, same shape."""

    mask_HW: np.ndarray | None
    """True where the item is; None where no mask was given."""


def read_triple(item_uri: str, bag_uri: str, fused_uri: str, *, mask_uri: str | None = None) -> Triple:
    """Read three pictures and a mask, local or in S3.

    What is transparent in a picture is white, which is air; in a mask it is not the item. Where one of the three is
    grey, all are turned into grey levels.

    Args:
        item_uri: Address of the item.
        bag_uri: Address of the bag.
        fused_uri: Address of the fusion.
        mask_uri: Address of the mask, in which anything but black is the item, or None.

    Returns:
        What can be compared pixel by pixel.

    Raises:
        SourceError: A picture has more than 8 bits, is neither grey nor of three colours, or has another size than the
            item; or a mask is black wherever it is opaque.
        RwscError: A file is missing or no image.
    """
    uris = item_uri, bag_uri, fused_uri
    item, bag, fused = (_read_picture(uri) for uri in uris)
    for uri, picture in zip(uris, (item, bag, fused), strict=True):
        _check_size(uri, picture, item_uri, item)
    if not item.ndim == bag.ndim == fused.ndim:
        item, bag, fused = to_luma(item), to_luma(bag), to_luma(fused)
    if mask_uri is None:
        return Triple(item=item, bag=bag, fused=fused, mask_HW=None)
    mask_HW = _read_mask(mask_uri)
    _check_size(mask_uri, mask_HW, item_uri, item)
    return Triple(item=item, bag=bag, fused=fused, mask_HW=mask_HW)


def _read_picture(uri: str) -> np.ndarray:
    picture = _read(uri)
    if picture.ndim == 3 and picture.shape[2] not in {3, 4}:
        raise SourceError(
            f"{uri} has {picture.shape[2]} channels, and the metrics are defined on grey and on RGB",
            remedy="give its picture in grey or pseudo-colour",
        )
    if picture.dtype != np.uint8:
        raise SourceError(
            f"{uri} has 16 bits per channel, and the metrics are defined on 8",
            remedy="turn all three into 8 bits in the same way",
        )
    return on_air(picture, _WHITE)


def _read_mask(uri: str) -> np.ndarray:
    mask = _read(uri)
    is_there_HW = where_there(mask)
    mask_HW = without_alpha(mask).reshape(*mask.shape[:2], -1).max(axis=2) > 0
    if is_there_HW is None:
        return mask_HW
    if not (mask_HW & is_there_HW).any():
        raise SourceError(
            f"{uri} is black wherever it is opaque, so it marks no item",
            remedy="give a mask without alpha in which anything but black is the item",
        )
    return mask_HW & is_there_HW


def _read(uri: str) -> np.ndarray:
    try:
        return decode_image(read_uri(uri), limits=_LIMITS)
    except UnreadableImage as error:
        raise UnreadableImage(f"{uri}: {error.message}", remedy=error.remedy) from None


def _check_size(uri: str, picture: np.ndarray, item_uri: str, item: np.ndarray) -> None:
    if picture.shape[:2] != item.shape[:2]:
        raise SourceError(
            f"{uri} is {picture.shape[1]} x {picture.shape[0]} pixels, {item_uri} is "
            f"{item.shape[1]} x {item.shape[0]}",
            remedy="give pictures of one frame, the item at its place in it",
        )
