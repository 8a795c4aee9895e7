"""The attenuation of a scan, as items are sought in it and cut out of it."""

import numpy as np

from rwsc.physics.dual_energy import TRANSMISSION_FLOOR, scan_transmission
from rwsc.physics.pseudo_colour import colourise
from rwsc.physics.transmission import from_attenuation, full_scale, to_attenuation, to_transmission
from rwsc.sources.schema import Scan
from rwsc.sources.transparency import without_alpha


def scan_attenuation(image: np.ndarray, scan: Scan) -> np.ndarray:
    """Give a scan's attenuation against the air level that the catalogue states.

    What a picture holds where nothing is (mostly black) is no measurement; there it is air.

    Args:
        image: The scan's pixels, (H, W) or (H, W, C), with the alpha channel where it has one.
        scan: Its catalogue row.

    Returns:
        Attenuation in nepers, (H, W, C) float32 without alpha: one channel, three of a colour picture, or the low and
        high energy of a dual-energy scan.
    """
    seen = without_alpha(image)
    air_level = np.asarray(scan.air_level, dtype=np.float32)
    if seen.ndim == 3 and seen.shape[2] == 2:
        # Counted in 16 bits, so that denser matter can be told apart than in a picture of 8.
        transmission_HW2 = scan_transmission(seen, air_level)
        return to_attenuation(transmission_HW2, floor=TRANSMISSION_FLOOR)
    attenuation_HWC = to_attenuation(to_transmission(seen.reshape(*seen.shape[:2], -1), air_level))
    alpha_HW = alpha_of(image)
    return attenuation_HWC if alpha_HW is None else np.where(alpha_HW[..., None] > 0, attenuation_HWC, 0)


def picture_attenuation(attenuation_HWC: np.ndarray) -> np.ndarray:
    """Give the attenuation that a scan's picture has: what the outliner knows are pictures, gray or coloured.

    Args:
        attenuation_HWC: Attenuation of the scan in nepers; see `scan_attenuation`.

    Returns:
        The same of gray and colour scans; of dual-energy ones that of their pseudo-colour picture, (H, W, 3).
    """
    if attenuation_HWC.shape[2] != 2:
        return attenuation_HWC
    return to_attenuation(colourise(from_attenuation(attenuation_HWC)))


def alpha_of(image: np.ndarray) -> np.ndarray | None:
    """Give a picture's alpha channel, (H, W) float32 from 0 to 1; None where it has none."""
    if image.ndim != 3 or image.shape[2] != 4:
        return None
    return image[..., 3].astype(np.float32) / np.float32(full_scale(image.dtype))
