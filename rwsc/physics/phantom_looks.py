"""Scanner looks: the same attenuation as different scanners would show it in 8 bits."""

import cv2
import numpy as np

_MAX_ATTENUATION = 6.0


def draw_look(rng: np.random.Generator, attenuation_HWC: np.ndarray) -> np.ndarray:
    """Show attenuation as a scanner drawn at random would: colours, gamma, sharpening, noise, compression.

    Meant for training networks that must work on scanners they have not seen; not a model of any of them.

    Args:
        rng: Decides the scanner.
        attenuation_HWC: Attenuation of red, green and blue in nepers, float32.

    Returns:
        uint8, same shape; air is about 255.
    """
    seen_HWC = _mix_colours(rng, attenuation_HWC)
    seen_HWC = np.exp(-np.clip(seen_HWC, 0, _MAX_ATTENUATION)) ** np.exp(rng.uniform(-0.3, 0.3))
    if rng.random() < 0.15:
        seen_HWC = np.repeat(seen_HWC.mean(axis=2, keepdims=True), 3, axis=2)
    seen_HWC = _filter(rng, seen_HWC.astype(np.float32))
    if rng.random() < 0.3:
        seen_HWC = _turn_hue(rng, seen_HWC)
    noise = rng.standard_normal(seen_HWC.shape, dtype=np.float32) * np.float32(rng.uniform(0.002, 0.02))
    image = np.clip(255 * (seen_HWC + noise), 0, 255).astype(np.uint8)
    return _compress(rng, image) if rng.random() < 0.4 else image


def _mix_colours(rng: np.random.Generator, attenuation_HWC: np.ndarray) -> np.ndarray:
    mixing = np.abs(np.eye(3) + rng.normal(0, 0.06, (3, 3))).astype(np.float32)
    gains = rng.uniform(0.7, 1.3, 3).astype(np.float32)
    return cv2.transform(np.ascontiguousarray(attenuation_HWC), mixing) * gains


def _filter(rng: np.random.Generator, seen_HWC: np.ndarray) -> np.ndarray:
    """Blur and sharpen: many consoles enhance edges until outlines turn black."""
    if rng.random() < 0.5:
        seen_HWC = cv2.GaussianBlur(seen_HWC, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < 0.7:
        smooth_HWC = cv2.GaussianBlur(seen_HWC, (0, 0), rng.uniform(0.8, 2.5))
        seen_HWC = seen_HWC + np.float32(rng.uniform(0.2, 1.8)) * (seen_HWC - smooth_HWC)
    return seen_HWC


def _turn_hue(rng: np.random.Generator, seen_HWC: np.ndarray) -> np.ndarray:
    hsv_HWC = cv2.cvtColor(np.clip(seen_HWC, 0, 1), cv2.COLOR_RGB2HSV)
    hsv_HWC[..., 0] = (hsv_HWC[..., 0] + rng.uniform(-18, 18)) % 360
    hsv_HWC[..., 1] = np.clip(hsv_HWC[..., 1] * rng.uniform(0.6, 1.4), 0, 1)
    return cv2.cvtColor(hsv_HWC, cv2.COLOR_HSV2RGB)


def _compress(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
