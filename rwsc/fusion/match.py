"""Make an item look as if the bag's scanner had seen it: as noisy, and as sharp.

An item keeps the noise and the sharpness of the scanner it was cut from, and turning and scaling smooth both away.
What lacks is reckoned for the product of transmissions; engines that paint get it too. All of this is ours, not the
paper's, and off by default: see decision 0014.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rwsc.physics.interpolation import read_between
from rwsc.physics.transmission import DEFAULT_FLOOR, from_attenuation, to_attenuation

_TILE_PX = 32
_TILES_A_SIDE = 8
_BLOCK_PX = 4
_DETAIL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Leaves nothing of planes, little of cloth, and white noise as strong as it is."""
_QUIET_SHARE = 0.05
_QUIET_OF_NOISE = 0.31
"""Power of the quietest share of blocks over the power of noise, where there is nothing but noise."""
_MATTER = (0.02, 0.97)
_NUM_LEVELS = 8
_MIN_BLOCKS = 20
_NOISE_OF_QUIET = 0.5
"""Share of the power of quiet matter that is taken for noise: fine cloth cannot be told from it in one scan."""
_NOTICED_SHARE = 0.5
"""An item whose noise is at least this share of what is wanted, as standard deviations, gets none."""
_MOST_NEPERS = 0.3
_MIN_UNDER = 0.08
_EDGE_PX = 0.7
_EDGE_REACH_PX = 3
_OWN_PX2 = 0.84
"""Variance of the blur that the measurement itself adds: that of `_EDGE_PX` and of differences."""
_MIN_EDGES = 40
_MIN_EDGE_SLOPE = 0.015
_SHARPER_SHARE = 0.3
_SHARPEST_PX2 = -0.2
_NOTICED_BLUR_PX2 = 0.15


class MatchConfig(BaseModel):
    """How far an item's noise and sharpness are brought to those of the bag."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    noise: bool = Field(
        default=False, description="Add the noise that an item lacks; what it has too much stays."
    )
    sharpness: bool = Field(
        default=False,
        description="Blur the inside of an item that is sharper than the bag; one less sharp stays.",
    )
    max_blur_px: float = Field(
        default=1.2, ge=0, le=4, description="Widest blur put on an item: standard deviation in pixels."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a scanner shows things.

    The variance of noise, in transmission, rises linearly with transmission, as that of counting photons over read
    noise does.
    """

    noise_floor: float
    """Variance of noise where nothing comes through."""

    noise_slope: float
    """By how much the variance rises to air."""

    blur_px2: float | None
    """Variance of the blur of its sharper edges, below 0 where they are enhanced; None if not measured, or if there
    are too few."""

    def variance(self, transmission: np.ndarray) -> np.ndarray:
        """Give the variance of noise at a transmission."""
        return self.noise_floor + self.noise_slope * transmission


def sample_tiles(scan: np.ndarray) -> np.ndarray:
    """Take tiles from all over a scan: they tell its look at a share of the cost.

    Args:
        scan: Grey levels or transmission, (H, W) or (H, W, C).

    Returns:
        The tiles, one below the other, of the scan's type; no rows if the scan is smaller than a tile.
    """
    rows, columns = (
        np.linspace(0, max(0, side - _TILE_PX), min(_TILES_A_SIDE, side // _TILE_PX)).astype(int)
        for side in scan.shape[:2]
    )
    tiles = [scan[y : y + _TILE_PX, x : x + _TILE_PX] for y in rows for x in columns]
    return np.concatenate(tiles) if tiles else scan[:0]


def measure_look(tiles_HWC: np.ndarray, config: MatchConfig) -> Look:
    """Measure noise and sharpness of a scan.

    Args:
        tiles_HWC: What `sample_tiles` gives of the scan's transmission, float32 in (0, 1].
        config: What is measured; the rest costs nothing.

    Returns:
        Its look, of the mean of the channels: no noise where none is measured.
    """
    if not len(tiles_HWC):
        return Look(noise_floor=0.0, noise_slope=0.0, blur_px2=None)
    seen_HW = _mean_HW(tiles_HWC)
    floor, slope = _noise_line(seen_HW) if config.noise else (0.0, 0.0)
    blur_px2 = None
    if config.sharpness:
        is_matter_HW = (seen_HW > _MATTER[0]) & (seen_HW < _MATTER[1])
        blur_px2 = _edge_blur_px2(seen_HW, is_matter_HW & _within_tiles(len(seen_HW), _EDGE_REACH_PX + 1))
    return Look(noise_floor=floor, noise_slope=slope, blur_px2=blur_px2)


def match_item(
    transmission_HWC: np.ndarray,
    alpha_HW: np.ndarray,
    *,
    under_HWC: np.ndarray,
    look: Look,
    rng: np.random.Generator,
    config: MatchConfig,
) -> np.ndarray:
    """Give an item the sharpness and the noise that the bag's scanner would have shown it with.

    The product of item and bag holds the bag's own noise already, weakened as the light is. What is added makes up
    the difference to the noise of a bag as dense as both together; so an item of air gets none, and none is
    added a second time.

    Args:
        transmission_HWC: Transmission of the posed item, float32 in (0, 1].
        alpha_HW: Coverage, float32 in [0, 1].
        under_HWC: Transmission of the bag where the item will lie, (H, W, C).
        look: What `measure_look` gives for the bag.
        rng: Draws the noise.
        config: What is matched, and how far.

    Returns:
        Transmission, same shape; unchanged where alpha is 0, with the same sum of attenuation times alpha to
        within 1 %.
    """
    matched_HWC = transmission_HWC
    if config.sharpness:
        matched_HWC = _match_sharpness(matched_HWC, alpha_HW, look, config)
    if config.noise:
        matched_HWC = _match_noise(matched_HWC, alpha_HW, _mean_HW(under_HWC), look, rng)
    return matched_HWC


def _match_sharpness(
    transmission_HWC: np.ndarray, alpha_HW: np.ndarray, look: Look, config: MatchConfig
) -> np.ndarray:
    own_px2 = _edge_blur_px2(_mean_HW(transmission_HWC), _inside(alpha_HW, _EDGE_REACH_PX + 1))
    if look.blur_px2 is None or own_px2 is None or look.blur_px2 - own_px2 < _NOTICED_BLUR_PX2:
        return transmission_HWC
    width_px = min(np.sqrt(look.blur_px2 - own_px2), config.max_blur_px)
    if not width_px:
        return transmission_HWC
    blurred_HWC = _smooth_inside(to_attenuation(transmission_HWC), alpha_HW, width_px)
    covered_N = np.flatnonzero(alpha_HW > 0)
    return _with_matter(_at(blurred_HWC, covered_N), transmission_HWC, alpha_HW, covered_N)


def _match_noise(
    transmission_HWC: np.ndarray,
    alpha_HW: np.ndarray,
    under_HW: np.ndarray,
    look: Look,
    rng: np.random.Generator,
) -> np.ndarray:
    if min(alpha_HW.shape) < _BLOCK_PX:
        return transmission_HWC
    seen_HW = _mean_HW(transmission_HWC)
    is_whole_B = _blocks(_inside(alpha_HW, 1).astype(np.float32)) == 1
    seen_B, under_B, own_B = (
        _blocks(each_HW)[is_whole_B] for each_HW in (seen_HW, under_HW, np.square(_detail(seen_HW)))
    )
    wanted_B = _wanted(look, seen_B, under_B)
    is_wanted_B = wanted_B > 0
    if np.count_nonzero(is_wanted_B) < _MIN_BLOCKS:
        return transmission_HWC
    share = _quiet(own_B[is_wanted_B] / wanted_B[is_wanted_B])
    if share > _NOTICED_SHARE**2:
        return transmission_HWC
    covered_N = np.flatnonzero(alpha_HW > 0)
    own_NC = _at(transmission_HWC, covered_N)
    wanted_N = _wanted(look, seen_HW.ravel()[covered_N], under_HW.ravel()[covered_N])
    noise_N = np.sqrt((1 - share) * wanted_N) * rng.standard_normal(len(covered_N), dtype=np.float32)
    change_NC = noise_N[:, None] / np.maximum(own_NC, np.float32(_MOST_NEPERS * 0.1))
    nepers_NC = to_attenuation(own_NC) - np.clip(change_NC, -_MOST_NEPERS, _MOST_NEPERS)
    return _with_matter(nepers_NC, transmission_HWC, alpha_HW, covered_N)


def _wanted(look: Look, seen: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Give the variance that an item needs so that it has, times the bag, the noise of a bag as dense as both."""
    under = np.maximum(under, np.float32(_MIN_UNDER))
    lacking = look.variance(seen * under) - np.square(seen) * look.variance(under)
    return np.maximum(lacking, 0) / np.square(under)


def _with_matter(
    nepers_NC: np.ndarray, before_HWC: np.ndarray, alpha_HW: np.ndarray, covered_N: np.ndarray
) -> np.ndarray:
    """Give covered pixels new attenuation, scaled so that each channel's sum over the cover is that of before."""
    highest = np.float32(-np.log(DEFAULT_FLOOR))
    cover_N = alpha_HW.ravel()[covered_N]
    before_C = cover_N @ to_attenuation(_at(before_HWC, covered_N))
    # Twice: what is cut off at the ends of the range after the first is made up for by the second.
    for _ in range(2):
        nepers_NC = np.clip(nepers_NC, 0, highest)
        nepers_NC *= before_C / np.maximum(cover_N @ nepers_NC, np.float32(1e-9))
    after_HWC = before_HWC.copy()
    after_HWC.reshape(-1, before_HWC.shape[2])[covered_N] = from_attenuation(np.minimum(nepers_NC, highest))
    return after_HWC


def _at(picture_HWC: np.ndarray, pixels_N: np.ndarray) -> np.ndarray:
    return picture_HWC.reshape(-1, picture_HWC.shape[2])[pixels_N]


def _mean_HW(picture_HWC: np.ndarray) -> np.ndarray:
    channels = picture_HWC.shape[2]
    picture = np.ascontiguousarray(picture_HWC, dtype=np.float32)
    return cv2.transform(picture, np.full((1, channels), 1 / channels, np.float32)).reshape(picture.shape[:2])


def _blurred(picture: np.ndarray, sigma_px: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101).reshape(
        picture.shape
    )


def _smooth_inside(nepers_HWC: np.ndarray, alpha_HW: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blur matter alone: what is not covered neither leaks in nor draws matter out."""
    cover_HW1 = alpha_HW[..., None]
    weight_HW1 = np.maximum(_blurred(alpha_HW, sigma_px), 1e-3)[..., None]
    return np.where(cover_HW1 > 0, _blurred(nepers_HWC * cover_HW1, sigma_px) / weight_HW1, nepers_HWC)


def _inside(alpha_HW: np.ndarray, margin_px: int) -> np.ndarray:
    ball = np.ones((2 * margin_px + 1, 2 * margin_px + 1), np.uint8)
    covered_HW = (alpha_HW > 0.5).astype(np.uint8)
    return cv2.erode(covered_HW, ball, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)


def _within_tiles(height_px: int, margin_px: int) -> np.ndarray:
    inner_HW = np.zeros((_TILE_PX, _TILE_PX), dtype=bool)
    inner_HW[margin_px:-margin_px, margin_px:-margin_px] = True
    return np.tile(inner_HW, (height_px // _TILE_PX, 1))


def _detail(seen_HW: np.ndarray) -> np.ndarray:
    return cv2.filter2D(seen_HW, cv2.CV_32F, _DETAIL, borderType=cv2.BORDER_REFLECT_101)


def _blocks(field_HW: np.ndarray) -> np.ndarray:
    """Give the mean of each block; what is left over at the right and below does not count."""
    height, width = (side // _BLOCK_PX for side in field_HW.shape)
    whole_HW = field_HW[: height * _BLOCK_PX, : width * _BLOCK_PX]
    return cv2.resize(whole_HW, (width, height), interpolation=cv2.INTER_AREA)


def _quiet(powers_B: np.ndarray) -> float:
    """Give the power of noise among blocks of which many hold structure: that of the quieter ones, corrected."""
    return float(np.quantile(powers_B, _QUIET_SHARE)) / _QUIET_OF_NOISE


def _noise_line(seen_HW: np.ndarray) -> tuple[float, float]:
    """Give the variance of noise over transmission as the highest line that no level of a scan is quieter than.

    What is noise is everywhere, and what is more than that at some level is structure. The line is nowhere negative
    and nowhere falls.
    """
    side = _TILE_PX // _BLOCK_PX
    # Blocks at the rim of a tile hold the step to the next one.
    level_B, power_B = (
        _blocks(each_HW).reshape(-1, side, side)[:, 1:-1, 1:-1].ravel()
        for each_HW in (seen_HW, np.square(_detail(seen_HW)))
    )
    is_matter_B = (level_B > _MATTER[0]) & (level_B < _MATTER[1])
    level_B, power_B = level_B[is_matter_B], power_B[is_matter_B]
    if len(level_B) < _NUM_LEVELS * _MIN_BLOCKS:
        return 0.0, 0.0
    parts = np.array_split(np.argsort(level_B, kind="stable"), _NUM_LEVELS)
    level_P = np.array([level_B[part].mean() for part in parts])
    noise_P = np.array([_NOISE_OF_QUIET * _quiet(power_B[part]) for part in parts])
    slopes = np.linspace(0, (noise_P / level_P).min(), 33)
    floors = (noise_P - slopes[:, None] * level_P).min(axis=1)
    best = np.argmax(floors + slopes * level_P.mean())
    return float(floors[best]), float(slopes[best])


def _edge_blur_px2(seen_HW: np.ndarray, among_HW: np.ndarray) -> float | None:
    r"""Tell the blur of steps from how steep they are for their height.

    A step of height :math:`h`, blurred by :math:`s`, has the slope :math:`h / \sqrt{2 \pi s^2}`. Lines, which are
    no steps, have too little height for their slope and do not count.
    """
    smooth_HW = _blurred(seen_HW, _EDGE_PX)
    right_HW, down_HW = (cv2.Sobel(smooth_HW, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    slope_HW = cv2.magnitude(right_HW, down_HW)
    is_ridge_HW = (
        among_HW
        & (slope_HW > _MIN_EDGE_SLOPE)
        & (slope_HW >= cv2.dilate(slope_HW, np.ones((3, 3), np.uint8)))
    )
    rows, columns = np.nonzero(is_ridge_HW)
    if len(rows) < _MIN_EDGES:
        return None
    slope_N = slope_HW[rows, columns]
    across_N, down_N = (_EDGE_REACH_PX * part_HW[rows, columns] / slope_N for part_HW in (right_HW, down_HW))
    ends = [
        read_between(
            smooth_HW,
            (columns + sign * across_N).astype(np.float32)[:, None],
            (rows + sign * down_N).astype(np.float32)[:, None],
        )[:, 0]
        for sign in (1, -1)
    ]
    blur_px2_N = ((ends[0] - ends[1]) / slope_N) ** 2 / (2 * np.pi) - _OWN_PX2
    steps = blur_px2_N[blur_px2_N > _SHARPEST_PX2]
    return float(np.quantile(steps, _SHARPER_SHARE)) if len(steps) >= _MIN_EDGES else None
