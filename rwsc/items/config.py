"""Settings of the item bank."""

from pydantic import Field

from rwsc.config import SPEED, Settings
from rwsc.sources.parallel import DEFAULT_WORKERS


class ItemsConfig(Settings):
    """How items are cut out of annotated scans, and which are good enough."""

    min_side_px: int = Field(default=12, ge=1)
    """Smallest width and height of an item's mask, in pixels; below it there is nothing to see."""

    min_area_px: int = Field(default=150, ge=1)
    """Smallest area of an item's mask, in pixels."""

    min_attenuation: float = Field(default=0.1, ge=0)
    """Smallest mean attenuation of the item by itself, in nepers; a fainter one does not show."""

    min_rim_contrast: float = Field(default=0.05, ge=0)
    """Smallest difference of attenuation across the mask's rim, in nepers; a smaller one is no outline."""

    max_frame_share: float = Field(default=0.02, ge=0, le=1)
    """Largest share of the mask's outline that may attenuate on the picture's edge; else it is cut off."""

    max_outside_box_share: float = Field(default=0.12, ge=0, le=1)
    """Largest share of a mask found by a box, in a bag or alone on the belt, that may lie outside it; above it the box
    cuts the item off."""

    max_pieces: int = Field(default=2, ge=1)
    """Most parts of a mask that do not touch; a blade and its grip may come apart in a faint scan."""

    min_confidence: float = Field(default=0.73, ge=0, le=1)
    """Least probability that a mask found inside a box is good (see `rwsc.items.in_box`); given masks have 1."""

    max_clutter: float = Field(default=1.0, ge=0)
    """Largest standard deviation of the attenuation around the item, in nepers: what lies under it cannot be
    guessed from surroundings that differ so much."""

    max_residual_bag: float = Field(default=0.5, ge=0)
    """Largest error with which the bag can be continued next to the item, as a share of the item's own mean
    attenuation: above it the cut-out is as much a guess of the bag as it is the item."""

    max_lost_share: float = Field(default=0.15, ge=0, le=1)
    """Largest share of the mask that un-mixing may leave with under a quarter of the scan's attenuation, in
    the channel in which the item attenuates most; above it the bag outweighs the item."""

    min_part_share: float = Field(default=0.2, ge=0, le=1)
    """Parts of a mask smaller than this share of its largest are dropped, as parts of other things."""

    fill_holes_px: int = Field(default=16, ge=0)
    """Holes of a mask up to this many pixels are filled: they are noise of a threshold, and what is measured
    there is air in any case. Larger ones are kept."""

    dilate_px: int = Field(default=3, ge=0, le=50)
    """Band around the mask, in pixels, that does not count as bag: blur and edge enhancement lie there."""

    context: float = Field(default=0.25, ge=0, le=4)
    """Width of bag looked at on each side to estimate what lies under the item, as a share of its size."""

    neighbour_quantile: float = Field(default=0.9, gt=0, le=1)
    """Quantile of the attenuation next to the item at which it is capped, so that a tool that touches the
    item is not taken for the bag."""

    rim_px: float = Field(default=1.5, gt=0, le=10)
    """Width of the soft rim of an item's coverage, in pixels."""

    workers: int = Field(default=DEFAULT_WORKERS, ge=1, le=64, json_schema_extra=SPEED)
    """Threads that read and cut scans."""
