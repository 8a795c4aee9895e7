"""Fit a scanner's calibration to scans whose truth is known."""

from collections.abc import Iterable

import numpy as np
from scipy.optimize import least_squares

from rwsc.fusion.tip_calibrated import Calibration, project

_MOST = {"dark": 0.3, "gain": 3.0, "hardening": 3.0}
_LEAST = {"dark": 0.0, "gain": 0.2, "hardening": 0.0}
_START = {"dark": 1e-3, "gain": 1.0, "hardening": 0.02}
_MAX_PIXELS = 20_000
_OUTLIER_NEPERS = 0.1
_MIN_NEPERS = 0.05


def fit_calibration(
    triples: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], *, floor: float = 1 / 255
) -> Calibration:
    """Find the calibration with which `project` comes nearest to true scans.

    Each channel is fitted by itself: least squares in attenuation, far misses counting less than squared, over
    pixels where bag and item both attenuate.

    Args:
        triples: Transmissions of a bag, of an item alone where it lies in the bag, and of both scanned together, as
            seen (level over level of air), of one shape (H, W, C) each; at least one triple.
        floor: Transmissions below it are taken for it: there is nothing but noise.

    Returns:
        Dark level, gain and hardening of each channel.

    Raises:
        ValueError: No triple, or a channel in which no item lies over any bag.
    """
    taken = [_overlap(*(side.astype(np.float32) for side in triple)) for triple in triples]
    if not taken:
        raise ValueError("a calibration needs at least one triple of bag, item and both")
    bag_NC, item_NC, both_NC = (np.concatenate(side) for side in zip(*taken, strict=True))
    if not len(bag_NC):
        raise ValueError("a calibration needs an item that lies over a bag, none of the triples has one")
    # Every n-th pixel: even over all triples, and the same on every call.
    step = -(-len(bag_NC) // _MAX_PIXELS)
    fits = [
        _fit(bag_NC[::step, channel], item_NC[::step, channel], both_NC[::step, channel], floor)
        for channel in range(bag_NC.shape[1])
    ]
    return Calibration(**{name: tuple(fit[name] for fit in fits) for name in _START})


def _overlap(
    bag_HWC: np.ndarray, item_HWC: np.ndarray, both_HWC: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    limit = np.exp(-_MIN_NEPERS)
    is_both_HW = (bag_HWC.mean(axis=2) < limit) & (item_HWC.mean(axis=2) < limit)
    return bag_HWC[is_both_HW], item_HWC[is_both_HW], both_HWC[is_both_HW]


def _fit(bag_N: np.ndarray, item_N: np.ndarray, both_N: np.ndarray, floor: float) -> dict[str, float]:
    def misses(values: np.ndarray) -> np.ndarray:
        calibration = Calibration(**{name: (float(v),) for name, v in zip(_START, values, strict=True)})
        made_N = project(bag_N[:, None, None], item_N[:, None, None], calibration).ravel()
        return np.log(np.maximum(made_N, floor) / np.maximum(both_N, floor)).astype(np.float64)

    bounds = list(_LEAST.values()), list(_MOST.values())
    found = least_squares(
        misses,
        list(_START.values()),
        bounds=bounds,
        x_scale=[0.01, 1.0, 0.1],
        diff_step=1e-3,
        loss="soft_l1",
        f_scale=_OUTLIER_NEPERS,
    )
    return {name: round(float(value), 4) for name, value in zip(_START, found.x, strict=True)}
