"""The grey level of air, which every transmission is measured against."""

import numpy as np

from rwsc.physics.transmission import full_scale

_NUM_BINS = 256
_MAX_SAMPLED = 250_000
_BORDER_SHARE = 0.05
_BORDER_WEIGHT = 4.0
_MODE_HALF_BINS = 4
_MIN_MODE_SHARE = 0.005
_MAX_SHARE_ABOVE = 0.5
_MIN_BRIGHTNESS = 0.4
_MIN_GREYNESS = 0.85
_BRIGHT_PERCENTILE = 99.5
_BRIGHT_RANGE = (0.85, 1.03)
_NUM_BRIGHT_BINS = 36


def estimate_air_level(image: np.ndarray) -> np.ndarray:
    """Estimate the grey level of air, channel by channel.

    Nothing in a scan is brighter than air, and air lies mostly along the border. So air is the brightest
    well-populated mode of luminance, border pixels counting more, and its level the median of the mode's
    pixels: JPEG noise and a few brighter specks do not move it. Grey, pinkish and yellowish belts are found
    as well as white ones.

    Without such a mode (a crop that a bag fills), or when it is too dark or too colourful to be air, the
    level is the brightest percentile of all channels taken together, thus neutral; where even that is darker
    than air ever is, the full scale of the bits in use.

    Args:
        image: Grey levels, uint8 or uint16, (H, W) or (H, W, C), at least one pixel.

    Returns:
        float64 levels, (C,), in the image's own units and above 0; C is 1 for a grey image.

    Raises:
        ValueError: Another type, or an image without pixels.
    """
    scale = scale_in_use(image)
    pixels_NC, weight_N = _sample(image)
    luminance_N = pixels_NC.mean(axis=1)
    bin_N = np.minimum((luminance_N * (_NUM_BINS / (scale + 1))).astype(np.intp), _NUM_BINS - 1)
    peak_bin = _brightest_mode(np.bincount(bin_N, weights=weight_N, minlength=_NUM_BINS))
    if peak_bin is not None:
        air_C = np.median(pixels_NC[_around(luminance_N, peak_bin, scale)], axis=0)
        if air_C.max() >= _MIN_BRIGHTNESS * scale and air_C.min() >= _MIN_GREYNESS * air_C.max():
            return air_C
    return _without_air(pixels_NC, scale)


def estimate_air_levels(scan_HW2: np.ndarray) -> np.ndarray:
    """Estimate the grey level of air of a scan of two energies, each by itself: their detectors need not be alike.

    A belt has seams and gaps that are brighter than its cover. In 8 bits they are one mode with it; the noise of air
    in 16 bits is so small that they are a mode of their own, and a tenth too bright at the low energy, which turns
    orange into green. So of what is nearly as bright as the brightest mode, the commonest level is air.

    Args:
        scan_HW2: Grey levels, uint8 or uint16, (H, W, 2).

    Returns:
        float64 levels of low and high, (2,).
    """
    return np.array([_commonest_bright_level(scan_HW2[..., energy]) for energy in range(2)])


def _commonest_bright_level(energy_HW: np.ndarray) -> float:
    brightest = float(estimate_air_level(energy_HW)[0])
    pixels_N1, weight_N = _sample(energy_HW)
    share_N = pixels_N1[:, 0] / brightest
    count, edges = np.histogram(share_N, bins=_NUM_BRIGHT_BINS, range=_BRIGHT_RANGE, weights=weight_N)
    if not count.any():
        return brightest
    peak = int(np.convolve(count, [1, 2, 1], mode="same").argmax())
    near_N = (share_N >= edges[max(peak - 1, 0)]) & (share_N <= edges[min(peak + 2, len(count))])
    return brightest * float(np.median(share_N[near_N]))


def scale_in_use(image: np.ndarray) -> int:
    """Give 255 for 8 bit; for 16 bit the full scale of the bits in use, as many scanners deliver 10 to 14."""
    if image.size == 0:
        raise ValueError(f"an image of shape {image.shape} has no pixels")
    if full_scale(image.dtype) == 255:
        return 255
    # Not the maximum: one hot pixel would make a 12-bit scan look like 16 bits, and its air like black.
    bright = int(
        np.percentile(image[:: max(1, image.shape[0] // 512), :: max(1, image.shape[1] // 512)], 99.9)
    )
    return max(255, (1 << bright.bit_length()) - 1)


def _sample(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take an even grid of pixels, (N, C) float64, and their weights, (N,)."""
    step = max(1, int(np.ceil(np.sqrt(image.shape[0] * image.shape[1] / _MAX_SAMPLED))))
    sampled_HWC = image[::step, ::step].reshape(*image[::step, ::step].shape[:2], -1)
    height, width, channels = sampled_HWC.shape
    weight_HW = np.full((height, width), _BORDER_WEIGHT)
    rim_y, rim_x = max(1, round(height * _BORDER_SHARE)), max(1, round(width * _BORDER_SHARE))
    weight_HW[rim_y : height - rim_y, rim_x : width - rim_x] = 1.0
    return sampled_HWC.reshape(-1, channels).astype(np.float64), weight_HW.ravel()


def _brightest_mode(histogram: np.ndarray) -> int | None:
    """Find the brightest well-populated peak of a weighted histogram; None when there is no narrow one."""
    smooth = np.convolve(histogram, np.array([1, 4, 6, 4, 1]) / 16, mode="same")
    padded = np.pad(smooth, 1, constant_values=-1)
    is_peak = (smooth >= padded[:-2]) & (smooth > padded[2:]) & (smooth > 0)
    upto = np.concatenate([[0.0], np.cumsum(histogram)])
    for peak in np.flatnonzero(is_peak)[::-1]:
        above_bin = min(peak + _MODE_HALF_BINS + 1, _NUM_BINS)
        mass = upto[above_bin] - upto[max(peak - _MODE_HALF_BINS, 0)]
        if mass >= _MIN_MODE_SHARE * upto[-1]:
            # The bright flank of textured matter is broad: much of its mass lies above its first peak.
            return int(peak) if upto[-1] - upto[above_bin] <= _MAX_SHARE_ABOVE * mass else None
    return None


def _around(luminance_N: np.ndarray, peak_bin: int, scale: int) -> np.ndarray:
    """Choose the pixels of a mode: the search from above ends on its flank, so move to its middle first."""
    bin_width = (scale + 1) / _NUM_BINS
    middle = (peak_bin + 0.5) * bin_width
    for _ in range(8):
        chosen_N = np.abs(luminance_N - middle) <= (_MODE_HALF_BINS + 0.5) * bin_width
        middle = float(np.median(luminance_N[chosen_N]))
    return np.abs(luminance_N - middle) <= (_MODE_HALF_BINS + 0.5) * bin_width


def _without_air(pixels_NC: np.ndarray, scale: int) -> np.ndarray:
    level = float(np.percentile(pixels_NC.max(axis=1), _BRIGHT_PERCENTILE))
    return np.full(pixels_NC.shape[1], level if level >= _MIN_BRIGHTNESS * scale else float(scale))
