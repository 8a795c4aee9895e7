"""How far a fused picture is from the true scan, where the item lies over the bag."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from rwsc.physics.pseudo_colour import MaterialClass, class_of_colour

PEAK = 255.0
"""Errors are given in grey levels of 8 bits."""

SEAM_PX = 3
"""How far the seam reaches to both sides of the item's rim, in pixels."""

_MOST_PSNR_DB = 100.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrueScan:
    """The true scan of an item in a bag, and where pictures are compared with it."""

    rgb_HWC: np.ndarray
    """The scan in pseudo-colour, uint8."""

    class_HW: np.ndarray
    """True class of material of bag and item together, as `MaterialClass` counts."""

    overlap_HW: np.ndarray
    """Where the item covers bag that is not air, bool."""

    seam_HW: np.ndarray
    """The ring about the item's rim, bool."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TruthError:
    """What is wrong with one picture."""

    psnr_db: float
    """Peak signal to noise ratio in the overlap over all channels, in decibels; at most 100."""

    mae_red: float
    """Mean absolute error in the overlap, in grey levels of 8 bits."""

    mae_green: float
    """The same of the green channel."""

    mae_blue: float
    """The same of the blue channel."""

    class_agreement: float
    """Share of the overlap whose colour says the material that is truly there."""

    seam: float
    """Mean length of the error's gradient in the ring about the item's rim, in grey levels per pixel."""


def overlap_of(cover_HW: np.ndarray, bag_class_HW: np.ndarray) -> np.ndarray:
    """Find where an item covers at least half of a pixel of bag that is not air.

    Args:
        cover_HW: Share of each pixel that the item covers, in [0, 1].
        bag_class_HW: Class of material of the bag alone, as `MaterialClass` counts.

    Returns:
        bool, (H, W).
    """
    return (cover_HW >= 0.5) & (bag_class_HW != MaterialClass.AIR)


def seam_of(cover_HW: np.ndarray) -> np.ndarray:
    """Give the ring of `SEAM_PX` pixels to both sides of an item's rim.

    Args:
        cover_HW: Share of each pixel that the item covers, in [0, 1].

    Returns:
        bool, (H, W); empty for an item that covers nothing.
    """
    mask_HW = (cover_HW >= 0.5).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * SEAM_PX + 1, 2 * SEAM_PX + 1))
    # What lies beyond the frame is neither item nor rim.
    return cv2.dilate(mask_HW, disc).astype(bool) & ~cv2.erode(mask_HW, disc).astype(bool)


def measure_error(made_HWC: np.ndarray, true: TrueScan) -> TruthError:
    """Compare a fused picture with the true scan.

    Args:
        made_HWC: Pseudo-colour picture, uint8, of the true scan's shape.
        true: The true scan; its overlap and its seam hold at least one pixel each.

    Returns:
        Errors in the overlap and along the rim.
    """
    error_HWC = made_HWC.astype(np.float64) - true.rgb_HWC
    inside = error_HWC[true.overlap_HW]
    mse = float(np.mean(np.square(inside)))
    red, green, blue = np.abs(inside).mean(axis=0)
    seen_class = class_of_colour(made_HWC[true.overlap_HW][None])[0]
    return TruthError(
        psnr_db=min(_MOST_PSNR_DB, 10 * float(np.log10(PEAK**2 / mse))) if mse else _MOST_PSNR_DB,
        mae_red=float(red),
        mae_green=float(green),
        mae_blue=float(blue),
        class_agreement=float(np.mean(seen_class == true.class_HW[true.overlap_HW])),
        seam=float(_slope(error_HWC)[true.seam_HW].mean()),
    )


def _slope(error_HWC: np.ndarray) -> np.ndarray:
    """Give the length of the gradient (central differences) of each channel."""
    down_HWC, right_HWC = np.gradient(error_HWC, axis=(0, 1))
    return np.hypot(down_HWC, right_HWC)


def summarise(errors: Sequence[TruthError], baseline: Sequence[TruthError]) -> dict[str, dict[str, float]]:
    """Sum up one engine's errors over phantoms.

    Args:
        errors: One per phantom, at least one.
        baseline: Those of the engine to compare with on the same phantoms, in the same order.

    Returns:
        For each measure, and for ``gain_db``, the paired difference in PSNR to the baseline: ``mean``, its
        standard error ``se`` (0 for a single phantom) and the quartiles ``q25``, ``median`` and ``q75``.
    """
    rows = [asdict(error) for error in errors]
    values = {name: [row[name] for row in rows] for name in rows[0]}
    values["gain_db"] = [
        error.psnr_db - before.psnr_db for error, before in zip(errors, baseline, strict=True)
    ]
    return {name: _spread(np.asarray(each)) for name, each in values.items()}


def _spread(values: np.ndarray) -> dict[str, float]:
    q25, median, q75 = np.quantile(values, [0.25, 0.5, 0.75])
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    spread = {"mean": values.mean(), "se": error, "q25": q25, "median": median, "q75": q75}
    return {name: round(float(value), 4) for name, value in spread.items()}
