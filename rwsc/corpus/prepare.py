"""What goes into a bag, in the form in which it is fused: with its matter, or without any."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rwsc.corpus.controls import PAINTING_ENGINES
from rwsc.fusion.compose import Insertion
from rwsc.physics.transmission import to_transmission
from rwsc.seeds import derive_seed


def prepare(
    own: Sequence[Insertion],
    harmless: Sequence[Insertion],
    *,
    scan: np.ndarray,
    air_level: np.ndarray,
    is_empty: bool,
    engine: str,
    seed: int,
) -> list[Insertion]:
    """Bring what goes into one bag into the form in which it is fused.

    Args:
        own: Items in their places.
        harmless: Harmless things in theirs.
        scan: Grey levels of the bag alone, (H, W) or (H, W, C).
        air_level: Its grey level of air, a number per channel.
        is_empty: Whether the image is an empty insertion: its items lose their matter and keep their cover.
        engine: Name of the engine that it is for; one of `PAINTING_ENGINES` gets pieces of the bag for no matter.
        seed: The image's; each thing gets a seed of its own from it.

    Returns:
        Insertions of the same covers and places, in the order of fusion.
    """
    if is_empty:
        own = [replace(each, transmission_HWC=_without_matter(each, scan, air_level, engine)) for each in own]
    return [
        replace(each, seed=derive_seed(seed, "insertion", number))
        for number, each in enumerate([*own, *harmless])
    ]


def _without_matter(insertion: Insertion, scan: np.ndarray, air_level: np.ndarray, engine: str) -> np.ndarray:
    if engine not in PAINTING_ENGINES:
        return np.ones_like(insertion.transmission_HWC)
    height, width = insertion.alpha_HW.shape
    under = scan[insertion.y_px : insertion.y_px + height, insertion.x_px : insertion.x_px + width]
    return to_transmission(under, air_level).reshape(height, width, -1)
