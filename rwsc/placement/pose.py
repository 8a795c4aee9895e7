"""How an item lies: turned, scaled and mirrored, without moving or adding matter."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from rwsc.physics.transmission import from_attenuation, to_attenuation

_MIN_ALPHA = 1 / 255
_SUBPIXEL_DECIMALS = 9
_MIN_SMOOTHING_PX = 0.25
"""A narrower Gaussian gives the next pixel less than a thousandth."""


@dataclass(frozen=True)
class Pose:
    """How an item lies, relative to its own pixels.

    Attributes:
        rotation_deg: Turn, counter-clockwise as seen, in degrees.
        scale: Length after over length before, above 0.
        flip: Whether it is mirrored left to right, before it is turned.
    """

    rotation_deg: float = 0.0
    scale: float = 1.0
    flip: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"the scale of a pose must be above 0, not {self.scale}")
        if not math.isfinite(self.rotation_deg):
            raise ValueError(f"the rotation of a pose must be a number of degrees, not {self.rotation_deg}")


@dataclass(frozen=True, eq=False)
class PosedItem:
    """An item as it lies, its canvas tight around alpha > 0.

    Attributes:
        transmission_HWC: float32, of the item's matter where it covers a pixel in part; 1 where alpha is 0.
        alpha_HW: Share of each pixel that the item covers, float32 in [0, 1].
    """

    transmission_HWC: np.ndarray
    alpha_HW: np.ndarray

    @property
    def mask_HW(self) -> np.ndarray:
        """Pixels that are at least half covered: the label's mask."""
        return self.alpha_HW >= np.float32(0.5)


class NothingLeftError(ValueError):
    """An item covers no pixel, before or after it was posed."""


def pose_item(transmission_HWC: np.ndarray, alpha_HW: np.ndarray, pose: Pose) -> PosedItem:
    """Mirror, turn and scale an item around its centre, then crop it to alpha > 0.

    Attenuation times alpha and alpha are interpolated, and their ratio is the new attenuation. So what lies
    where alpha is 0 never leaks in, the rim has neither dark nor bright fringe, and the item's total
    attenuation grows with the square of the scale and does not change with the turn. Before scaling down,
    detail finer than the new pixels is smoothed away. Scale 1 with multiples of 90 degrees moves pixels
    without touching their values.

    Args:
        transmission_HWC: The item's own transmission in (0, 1]; anything where alpha is 0; C is 1 for grey.
        alpha_HW: How much of each pixel the item covers, in [0, 1].
        pose: How it is to lie.

    Returns:
        The posed item.

    Raises:
        NothingLeftError: The item covers no pixel, before or after posing.
        ValueError: Shapes that do not match.
    """
    if transmission_HWC.ndim != 3 or transmission_HWC.shape[:2] != alpha_HW.shape:
        raise ValueError(f"item of shape {transmission_HWC.shape} does not match its alpha, {alpha_HW.shape}")
    crop = _tight(alpha_HW > 0)
    own_HWC, own_HW = transmission_HWC[crop].astype(np.float32), alpha_HW[crop].astype(np.float32)
    quarter_turns = pose.rotation_deg / 90
    if pose.scale == 1 and quarter_turns == round(quarter_turns):
        own_HWC = np.where(own_HW[..., None] > 0, own_HWC, np.float32(1))
        turned = (_turned(layer, int(quarter_turns), flip=pose.flip) for layer in (own_HWC, own_HW))
        return PosedItem(*(np.ascontiguousarray(layer) for layer in turned))
    return _warped(own_HWC, own_HW, pose)


def _turned(array: np.ndarray, quarter_turns: int, *, flip: bool) -> np.ndarray:
    return np.rot90(array[:, ::-1] if flip else array, quarter_turns)


def _warped(transmission_HWC: np.ndarray, alpha_HW: np.ndarray, pose: Pose) -> PosedItem:
    # Layer by layer: arithmetic over a short last axis costs several times as much.
    covered = [layer_HW * alpha_HW for layer_HW in cv2.split(to_attenuation(transmission_HWC))]
    layers_HWC = cv2.merge([*covered, alpha_HW])
    # A rim of air, so that interpolation at the border of the crop fades out as it does elsewhere.
    rim_px = 2 + math.ceil(1 / pose.scale)
    layers_HWC = cv2.copyMakeBorder(layers_HWC, rim_px, rim_px, rim_px, rim_px, cv2.BORDER_CONSTANT)
    smoothing_px = _smoothing_px(pose.scale) if pose.scale < 1 else 0.0
    if smoothing_px >= _MIN_SMOOTHING_PX:
        layers_HWC = cv2.GaussianBlur(layers_HWC, (0, 0), smoothing_px, borderType=cv2.BORDER_CONSTANT)
    matrix, size_wh = _matrix_and_size(layers_HWC.shape[1], layers_HWC.shape[0], pose)
    posed_HWC = cv2.warpAffine(layers_HWC, matrix, size_wh, flags=cv2.INTER_LINEAR)
    # A trace of cover below one grey level is no item, and would loosen the crop.
    posed_HWC = posed_HWC[_tight(cv2.extractChannel(posed_HWC, posed_HWC.shape[2] - 1) >= _MIN_ALPHA)]
    # A piece of a picture is taken apart at a third of the speed.
    *covered, alpha_HW = cv2.split(np.ascontiguousarray(posed_HWC))
    alpha_HW = np.minimum(alpha_HW, 1)
    alpha_HW[alpha_HW < _MIN_ALPHA] = 0
    per_cover_HW = (alpha_HW > 0) / np.maximum(alpha_HW, np.float32(_MIN_ALPHA))
    transmission_HWC = cv2.merge([from_attenuation(layer_HW * per_cover_HW) for layer_HW in covered])
    return PosedItem(transmission_HWC.reshape(*alpha_HW.shape, -1), alpha_HW)


def _smoothing_px(scale: float) -> float:
    """Width of the Gaussian that, with linear interpolation, averages over about one new pixel."""
    return 0.35 * math.sqrt(1 / scale**2 - 1)


def _matrix_and_size(width: int, height: int, pose: Pose) -> tuple[np.ndarray, tuple[int, int]]:
    """Give the 2 x 3 matrix from old to new pixels, centre to centre, and the new width and height."""
    angle = math.radians(pose.rotation_deg)
    cos, sin = (round(value, _SUBPIXEL_DECIMALS) * pose.scale for value in (math.cos(angle), math.sin(angle)))
    size_wh = (
        math.ceil(abs(cos) * width + abs(sin) * height),
        math.ceil(abs(sin) * width + abs(cos) * height),
    )
    mirror = -1 if pose.flip else 1
    (old_x, old_y), (new_x, new_y) = (((w - 1) / 2, (h - 1) / 2) for w, h in ((width, height), size_wh))
    # Rows grow downwards, so a counter-clockwise turn as seen has +sin in the upper right.
    matrix = [
        [mirror * cos, sin, new_x - (mirror * cos * old_x + sin * old_y)],
        [-mirror * sin, cos, new_y - (cos * old_y - mirror * sin * old_x)],
    ]
    return np.array(matrix), size_wh


def _tight(is_item_HW: np.ndarray) -> tuple[slice, slice]:
    left, top, width, height = cv2.boundingRect(is_item_HW.view(np.uint8))
    if not width:
        raise NothingLeftError("the item covers no pixel: its alpha is 0 everywhere")
    return slice(top, top + height), slice(left, left + width)
