"""Make an item look as if the bag's scanner had seen it: as sharp, and as noisy.

An item keeps the noise and the sharpness of the scanner it was cut from, and turning and scaling smooth both away.
What lacks is reckoned for the product of transmissions; engines that paint get it too. All of this is ours, not the
paper's.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import nnls

from rwsc.physics.transmission import DEFAULT_FLOOR, from_attenuation, to_attenuation

_MAX_MEASURED_PX = 384
_HIGH_PASS_PX = 1.5
_PATCH_PX = 5
_QUIET_SHARE = 0.05
_QUIET_OF_NOISE = 0.56
"""Power of the quietest share of patches over the power of noise, where there is nothing but noise."""
_MATTER = (0.02, 0.97)
_NUM_LEVELS = 6
_MIN_PATCHES = 40
_NOTICED_NOISE = 0.2
_LEAST_NOISE = 1e-3
_MOST_CALMED = 0.3
_MOST_NEPERS = 0.3
_MAX_GRAIN_PX = 1.6
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
        default=True, description="Add the noise that an item lacks, or take off what is too much."
    )
    sharpness: bool = Field(
        default=True, description="Blur the inside of an item that is sharper than the bag, or sharpen it."
    )
    max_blur_px: float = Field(
        default=1.2, ge=0, le=4, description="Widest blur put on an item: standard deviation in pixels."
    )
    max_sharpening: float = Field(
        default=0.5, ge=0, le=2, description="Most of its own detail that is added to an item once more."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a scanner shows things.

    Noise is what a high-pass filter leaves of quiet places, in transmission; its variance rises linearly with
    transmission, as that of counting photons over read noise does.
    """

    noise_floor: float
    """Variance of noise where nothing comes through."""

    noise_slope: float
    """By how much the variance rises to air."""

    grain_px: float
    """Standard deviation of the blur that makes white noise this noise: 0 where neighbours have none in common."""

    blur_px2: float | None
    """Variance of the blur of its sharper edges, below 0 where they are enhanced; None if there are too few."""

    def variance(self, transmission: np.ndarray) -> np.ndarray:
        """Give the variance of noise at a transmission."""
        return self.noise_floor + self.noise_slope * transmission


def measured_part(height_px: int, width_px: int) -> tuple[slice, slice]:
    """Give the rows and columns of a scan that its look is measured in: the middle of a large one."""
    top, left = (max(0, (side - _MAX_MEASURED_PX) // 2) for side in (height_px, width_px))
    return slice(top, top + _MAX_MEASURED_PX), slice(left, left + _MAX_MEASURED_PX)


def measure_look(bag_HWC: np.ndarray) -> Look:
    """Measure noise and sharpness of a scan.

    Args:
        bag_HWC: Transmission of the bag, float32 in (0, 1]; of a large one `measured_part` is enough.

    Returns:
        Its look, of the mean of the channels.
    """
    seen_HW = _mean_HW(bag_HWC[measured_part(*bag_HWC.shape[:2])])
    is_matter_HW = (seen_HW > _MATTER[0]) & (seen_HW < _MATTER[1])
    detail_HW = _high_pass(seen_HW)
    power_HW = _power(detail_HW)
    # Patches overlap: every second one of each side tells as much.
    floor, slope = _noise_line(*(each[::2, ::2][is_matter_HW[::2, ::2]] for each in (seen_HW, power_HW)))
    quiet_HW = is_matter_HW & (power_HW <= floor + slope * seen_HW)
    return Look(
        noise_floor=floor,
        noise_slope=slope,
        grain_px=_grain_px(detail_HW, quiet_HW),
        blur_px2=_edge_blur_px2(seen_HW, is_matter_HW),
    )


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
    the difference to the noise of a bag as dense as both together; so an item of air gets none.

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
    if look.blur_px2 is None or own_px2 is None or abs(own_px2 - look.blur_px2) < _NOTICED_BLUR_PX2:
        return transmission_HWC
    lacking_px2 = look.blur_px2 - own_px2
    if lacking_px2 > 0:
        width_px, amount = min(np.sqrt(lacking_px2), config.max_blur_px), -1.0
    else:
        width_px, amount = _EDGE_PX, min(-lacking_px2 / _EDGE_PX**2, config.max_sharpening)
    if not (width_px and amount):
        return transmission_HWC
    nepers_HWC = to_attenuation(transmission_HWC)
    detail_HWC = nepers_HWC - _smooth_inside(nepers_HWC, alpha_HW, width_px)
    return _with_sum_kept(nepers_HWC + amount * detail_HWC, transmission_HWC, alpha_HW)


def _match_noise(
    transmission_HWC: np.ndarray,
    alpha_HW: np.ndarray,
    under_HW: np.ndarray,
    look: Look,
    rng: np.random.Generator,
) -> np.ndarray:
    seen_HW = _mean_HW(transmission_HWC)
    under_HW = np.maximum(under_HW, np.float32(_MIN_UNDER))
    lacking_HW = look.variance(seen_HW * under_HW) - seen_HW**2 * look.variance(under_HW)
    wanted_HW = np.maximum(lacking_HW, 0) / under_HW**2
    is_whole_HW = _inside(alpha_HW, _PATCH_PX // 2 + 1)
    power_HW = _power(_high_pass(seen_HW))
    own, wanted = (_quiet(power[is_whole_HW]) for power in (power_HW, wanted_HW))
    if np.count_nonzero(is_whole_HW) < _MIN_PATCHES or max(own, wanted) < _LEAST_NOISE**2:
        return transmission_HWC
    nepers_HWC = to_attenuation(transmission_HWC)
    share = float(np.sqrt(_quiet(power_HW[is_whole_HW] / np.maximum(wanted_HW[is_whole_HW], 1e-9))))
    if share < 1 - _NOTICED_NOISE:
        field_HW = np.sqrt((1 - share**2) * wanted_HW) * _grain(rng, seen_HW.shape, look.grain_px)
        change_HWC = -field_HW[..., None] / np.maximum(transmission_HWC, _MOST_NEPERS * 0.1)
        nepers_HWC = nepers_HWC + np.clip(change_HWC, -_MOST_NEPERS, _MOST_NEPERS)
    elif share > 1 + _NOTICED_NOISE:
        nepers_HWC = _calmed(transmission_HWC, alpha_HW, float(np.sqrt(own)), max(1 / share, _MOST_CALMED))
    else:
        return transmission_HWC
    return _with_sum_kept(nepers_HWC, transmission_HWC, alpha_HW)


def _calmed(transmission_HWC: np.ndarray, alpha_HW: np.ndarray, own: float, kept: float) -> np.ndarray:
    """Shrink detail that is as small as noise, and leave what stands out; gives attenuation."""
    smooth_HWC = from_attenuation(_smooth_inside(to_attenuation(transmission_HWC), alpha_HW, _HIGH_PASS_PX))
    detail_HWC = transmission_HWC - smooth_HWC
    is_noise_HWC = np.exp(-np.square(detail_HWC / (3 * own)))
    return to_attenuation(np.minimum(smooth_HWC + detail_HWC * (1 - (1 - kept) * is_noise_HWC), 1))


def _with_sum_kept(nepers_HWC: np.ndarray, before_HWC: np.ndarray, alpha_HW: np.ndarray) -> np.ndarray:
    """Scale attenuation so that each channel's sum over the cover is that of before."""
    highest = np.float32(-np.log(DEFAULT_FLOOR))
    before_C = np.einsum("hw,hwc->c", alpha_HW, to_attenuation(before_HWC))
    # Twice: what is cut off at the ends of the range after the first is made up for by the second.
    for _ in range(2):
        nepers_HWC = np.clip(nepers_HWC, 0, highest)
        now_C = np.einsum("hw,hwc->c", alpha_HW, nepers_HWC)
        nepers_HWC *= before_C / np.maximum(now_C, np.float32(1e-9))
    after_HWC = from_attenuation(np.minimum(nepers_HWC, highest))
    return np.where(alpha_HW[..., None] > 0, after_HWC, before_HWC)


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


def _high_pass(seen_HW: np.ndarray) -> np.ndarray:
    return seen_HW - _blurred(seen_HW, _HIGH_PASS_PX)


def _power(detail_HW: np.ndarray) -> np.ndarray:
    """Give the mean square over a small patch around each pixel."""
    return cv2.blur(np.square(detail_HW), (_PATCH_PX, _PATCH_PX))


def _quiet(powers_N: np.ndarray) -> float:
    """Give the power of noise among patches of which many hold structure: that of the quieter ones, corrected."""
    return float(np.quantile(powers_N, _QUIET_SHARE)) / _QUIET_OF_NOISE if powers_N.size else 0.0


def _noise_line(levels_N: np.ndarray, powers_N: np.ndarray) -> tuple[float, float]:
    """Fit the variance of noise over transmission by a line that is nowhere negative."""
    if len(levels_N) < _NUM_LEVELS * _MIN_PATCHES:
        return 0.0, 0.0
    edges = np.quantile(levels_N, np.linspace(0, 1, _NUM_LEVELS + 1)[1:-1])
    bin_N = np.searchsorted(edges, levels_N)
    bins = np.unique(bin_N)
    mean_B = np.array([levels_N[bin_N == index].mean() for index in bins])
    variance_B = np.array([_quiet(powers_N[bin_N == index]) for index in bins])
    (floor, slope), _ = nnls(np.column_stack([np.ones_like(mean_B), mean_B]), variance_B)
    return float(floor), float(slope)


def _grain_px(detail_HW: np.ndarray, quiet_HW: np.ndarray) -> float:
    """Tell the grain of noise by the correlation of neighbours after the high-pass filter."""
    is_pair = quiet_HW[:, :-1] & quiet_HW[:, 1:]
    if np.count_nonzero(is_pair) < _MIN_PATCHES:
        return 0.0
    here, right = detail_HW[:, :-1][is_pair], detail_HW[:, 1:][is_pair]
    power = float(np.dot(here, here))
    widths, correlations, _ = _grain_table()
    return float(np.interp(float(np.dot(here, right)) / power, correlations, widths)) if power else 0.0


@cache
def _grain_table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tabulate grains of noise: correlation of neighbours and standard deviation after the high-pass filter."""
    speck_HW = np.zeros((65, 65), np.float32)
    speck_HW[32, 32] = 1
    widths = np.linspace(0, _MAX_GRAIN_PX, 33)
    rows = []
    for width in widths:
        seen_HW = _high_pass(_grown(speck_HW, width))
        power = float(np.square(seen_HW).sum())
        rows.append((float((seen_HW[:, 1:] * seen_HW[:, :-1]).sum()) / power, np.sqrt(power)))
    correlation, spread = np.array(rows).T
    return widths, correlation, spread


def _grain(rng: np.random.Generator, shape_hw: tuple[int, ...], grain_px: float) -> np.ndarray:
    """Draw noise of a grain whose standard deviation after the high-pass filter is 1."""
    white_HW = rng.standard_normal(shape_hw, dtype=np.float32)
    widths, _, spreads = _grain_table()
    return _grown(white_HW, grain_px) / np.float32(np.interp(grain_px, widths, spreads))


def _grown(white_HW: np.ndarray, grain_px: float) -> np.ndarray:
    return _blurred(white_HW, grain_px) if grain_px > 0 else white_HW


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
        cv2.remap(
            smooth_HW,
            (columns + sign * across_N).astype(np.float32)[:, None],
            (rows + sign * down_N).astype(np.float32)[:, None],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )[:, 0]
        for sign in (1, -1)
    ]
    blur_px2_N = ((ends[0] - ends[1]) / slope_N) ** 2 / (2 * np.pi) - _OWN_PX2
    steps = blur_px2_N[blur_px2_N > _SHARPEST_PX2]
    return float(np.quantile(steps, _SHARPER_SHARE)) if len(steps) >= _MIN_EDGES else None
