"""Consoles: the same scan as differently set up displays would colour, contrast and sharpen it."""

from dataclasses import dataclass

import cv2
import numpy as np

from rwsc.physics.transmission import DEFAULT_FLOOR


@dataclass(frozen=True, kw_only=True, eq=False)
class Console:
    """One display, which shows every scan in the same way; made up, a model of no vendor's.

    Attributes:
        mixing_33: How much of the attenuation of each channel (columns) goes into each channel shown (rows).
        gamma: Power that transmission is raised to; above 1 darkens.
        hue_turn_deg: Turn of the hue, in degrees.
        saturation: Factor on the saturation.
        sharpening: Strength of the unsharp mask that enhances edges; 0 for none.
        sharpening_px: Sigma of its blur.
    """

    mixing_33: np.ndarray
    gamma: float = 1.0
    hue_turn_deg: float = 0.0
    saturation: float = 1.0
    sharpening: float = 0.0
    sharpening_px: float = 1.0

    def show(self, rgb_HWC: np.ndarray) -> np.ndarray:
        """Show a scan in this console's way.

        Args:
            rgb_HWC: The scan in the common pseudo-colour, uint8; air is 255.

        Returns:
            The picture shown, uint8; air is 255.
        """
        transmission_HWC = np.maximum(rgb_HWC.astype(np.float32) / 255, DEFAULT_FLOOR)
        mixed_HWC = cv2.transform(-np.log(transmission_HWC), self.mixing_33.astype(np.float32))
        shown_HWC = self._recolour(np.exp(-mixed_HWC * np.float32(self.gamma)))
        if self.sharpening:
            smooth_HWC = cv2.GaussianBlur(shown_HWC, (0, 0), self.sharpening_px)
            shown_HWC = shown_HWC + np.float32(self.sharpening) * (shown_HWC - smooth_HWC)
        return np.rint(np.clip(shown_HWC, 0, 1) * 255).astype(np.uint8)

    def _recolour(self, shown_HWC: np.ndarray) -> np.ndarray:
        if not self.hue_turn_deg and self.saturation == 1:
            return shown_HWC
        hsv_HWC = cv2.cvtColor(shown_HWC, cv2.COLOR_RGB2HSV)
        hsv_HWC[..., 0] = (hsv_HWC[..., 0] + self.hue_turn_deg) % 360
        hsv_HWC[..., 1] = np.clip(hsv_HWC[..., 1] * self.saturation, 0, 1)
        return cv2.cvtColor(hsv_HWC, cv2.COLOR_HSV2RGB)


def draw_console(rng: np.random.Generator) -> Console:
    """Draw a console; about half keep the common hues, and a third do not sharpen."""
    turns = rng.random() < 0.5
    return Console(
        mixing_33=np.maximum(np.eye(3) + rng.normal(0, 0.06, (3, 3)), 0) * rng.uniform(0.75, 1.25, (3, 1)),
        gamma=float(np.exp(rng.uniform(-0.3, 0.3))),
        hue_turn_deg=float(rng.uniform(-18, 18)) if turns else 0.0,
        saturation=float(rng.uniform(0.6, 1.4)) if turns else 1.0,
        sharpening=float(rng.uniform(0.2, 1.2)) if rng.random() < 0.65 else 0.0,
        sharpening_px=float(rng.uniform(0.8, 2.0)),
    )
