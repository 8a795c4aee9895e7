"""Tables of how well items are cut out, made of single checks; what there is nothing to take over is None."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rwsc.evaluation.extraction_phantoms import PhantomCheck
from rwsc.evaluation.extraction_scans import ScanCheck
from rwsc.evaluation.masks import area_under_roc

FAIR_IOU = 0.7
GOOD_IOU = 0.8
DENSITY_STEPS = (0.2, 0.5, 1.0)
"""Where densities under the item are cut into classes, in nepers."""

_NUM_WORST = 10
_MOST_PSNR_DB = 100.0


def phantom_tables(checks: Sequence[PhantomCheck]) -> dict[str, Any]:
    """Sum up checks on phantoms.

    Args:
        checks: One per scene.

    Returns:
        ``all``, ``by_density`` and ``by_class``, rows of `_phantom_row`, and ``confidence_auc``: how well the
        confidence tells masks of `GOOD_IOU` from others.
    """
    return {
        "all": _phantom_row(checks),
        "by_density": _split(checks, lambda check: density_class(check.density), _phantom_row),
        "by_class": _split(checks, lambda check: check.label, _phantom_row),
        "confidence_auc": area_under_roc(
            [check.iou >= GOOD_IOU for check in checks], [check.confidence for check in checks]
        ),
    }


def scan_tables(checks: Sequence[ScanCheck]) -> dict[str, Any]:
    """Sum up checks on scans.

    Args:
        checks: One per masked object.

    Returns:
        ``all``, ``by_class`` and ``by_method``, rows of `_scan_row`, ``confidence_auc`` over items in bags with
        `FAIR_IOU` for good, and the ``worst``.
    """
    in_bags = [check for check in checks if check.method == "box_unmixed"]
    worst = sorted(checks, key=lambda check: check.iou)[:_NUM_WORST]
    return {
        "all": _scan_row(checks),
        "by_class": _split(checks, lambda check: check.label, _scan_row),
        "by_method": _split(checks, lambda check: str(check.method), _scan_row),
        "confidence_auc": area_under_roc(
            [check.iou >= FAIR_IOU for check in in_bags], [check.confidence for check in in_bags]
        ),
        "worst": [
            {
                "uri": check.uri,
                "label": check.label,
                "iou": round(check.iou, 3),
                "confidence": round(check.confidence, 3),
                "reason": check.reason,
            }
            for check in worst
        ],
    }


def density_class(density: float) -> str:
    """Name the class of a density under an item, in nepers."""
    edges = ["0", *map(str, DENSITY_STEPS)]
    place = int(np.searchsorted(DENSITY_STEPS, density, side="right"))
    return f"{edges[place]} to {edges[place + 1]}" if place < len(DENSITY_STEPS) else f"above {edges[place]}"


def _phantom_row(checks: Sequence[PhantomCheck]) -> dict[str, float | None]:
    accepted = [check for check in checks if check.reason is None]
    return {
        "items": len(checks),
        "median_iou": _median([check.iou for check in checks]),
        "share_good": _share([check.iou >= GOOD_IOU for check in checks]),
        "share_accepted": _share([check.reason is None for check in checks]),
        "share_good_of_accepted": _share([check.iou >= GOOD_IOU for check in accepted]),
        "transmission_error_mixed": _mean([check.error_mixed for check in checks]),
        "transmission_error_unmixed": _mean([check.error_unmixed for check in checks]),
    }


def _scan_row(checks: Sequence[ScanCheck]) -> dict[str, float | None]:
    grabcut = [check.iou_grabcut for check in checks if check.iou_grabcut is not None]
    psnr_db = [check.recomposition_psnr_db for check in checks if check.recomposition_psnr_db is not None]
    return {
        "items": len(checks),
        "median_iou": _median([check.iou for check in checks]),
        "share_fair": _share([check.iou >= FAIR_IOU for check in checks]),
        "grabcut_median_iou": _median(grabcut),
        "grabcut_share_fair": _share([value >= FAIR_IOU for value in grabcut]),
        "share_accepted": _share([check.reason is None for check in checks]),
        "recomposition_psnr_db": _median(
            [min(value, _MOST_PSNR_DB) for value in psnr_db]
        ),  # JSON has no infinity
    }


def _split(checks: Sequence[Any], key: Callable[[Any], str], row: Callable[[Any], Any]) -> dict[str, Any]:
    return {
        name: row([check for check in checks if key(check) == name])
        for name in sorted({key(check) for check in checks})
    }


def _share(values: Sequence[bool]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None
