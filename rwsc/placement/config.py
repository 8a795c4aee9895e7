"""Settings of placement."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rwsc.placement.occlusion import NUM_LEVELS
from rwsc.placement.priors import Priors

UNIFORM = "uniform"
"""The priors of who has none: every place, turn and size alike."""


class PlacementConfig(BaseModel):
    """How many items go into a bag, and how they may lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items_min: int = Field(
        default=1, ge=1, description="Fewest items in a bag; one with less room is rejected."
    )
    items_max: int = Field(default=1, ge=1, le=1000, description="Most items in a bag.")
    count_weights: tuple[float, ...] = Field(
        default=(),
        description="Relative number of bags with items_min, items_min + 1, ... items; empty for even shares.",
    )
    priors: Priors | str = Field(
        default=UNIFORM,
        description="Where things lie in real bags: a file of rwsc items priors (local or s3://), or uniform.\n"
        "It decides places, turns and, where no mm_per_px is known, sizes.",
    )
    mm_per_px: dict[str, float] = Field(
        default={},
        description="Millimetres per pixel by scanner, or else by dataset. Where it is known of both item and bag,\n"
        "an item keeps its size in millimetres.",
    )
    magnification_spread: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="With mm_per_px: largest change of size, as a share, by the height over the belt, which a\n"
        "scanner's fan of rays enlarges.",
    )
    max_resample: float = Field(
        default=3.0,
        ge=1,
        description="Largest factor by which mm_per_px or priors enlarge or reduce an item: what is enlarged\n"
        "more looks blurred.",
    )
    scale_min: float = Field(
        default=0.6,
        ge=0.05,
        description="Without mm_per_px and priors: smallest length relative to the item's own pixels.",
    )
    scale_max: float = Field(
        default=1.2,
        gt=0,
        le=20,
        description="Without mm_per_px and priors: largest length relative to the item's own pixels.",
    )
    max_item_fraction: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Without mm_per_px and priors: longest side of an item, unturned, over that of its bag.",
    )
    rotate: bool = Field(default=True, description="Turn items by any angle; otherwise they keep their own.")
    flip: bool = Field(default=True, description="Mirror every second item.")
    allow_overlap: bool = Field(default=False, description="Let items of one bag lie on each other.")
    overlap_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the items after the first of a bag that are put on an earlier one, where they fit.",
    )
    occlusion_levels: tuple[float, ...] = Field(
        default=(),
        description="Relative number of items of occlusion level 1 (none or slight: under 10 % of the item over\n"
        "bag that lets through less than half), 2 (partial: under 50 %) and 3 (severe); empty for no target.",
    )
    min_score: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Least plausibility of a place, 0 to 1: density under the item, edges it crosses, alignment.",
    )
    max_tries: int = Field(
        default=8, ge=1, le=1000, description="Poses tried for an item before it is left out."
    )
    candidates: int = Field(default=4, ge=1, le=1000, description="Places looked at for each pose.")
    edge_margin_px: int = Field(
        default=2, ge=0, description="Least distance kept from the region's edge, in pixels."
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.items_min > self.items_max:
            raise ValueError(f"items_min ({self.items_min}) is above items_max ({self.items_max})")
        if self.scale_min > self.scale_max:
            raise ValueError(f"scale_min ({self.scale_min}) is above scale_max ({self.scale_max})")
        return self

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        for name, wanted in (
            ("count_weights", self.items_max - self.items_min + 1),
            ("occlusion_levels", NUM_LEVELS),
        ):
            weights = getattr(self, name)
            if weights and len(weights) != wanted:
                raise ValueError(f"{name} needs {wanted} numbers, not {len(weights)}")
            if weights and not (all(0 <= weight < float("inf") for weight in weights) and sum(weights)):
                raise ValueError(f"{name} must be 0 or more and not all 0, not {list(weights)}")
        for name, pitch in self.mm_per_px.items():
            if not 0 < pitch < float("inf"):
                raise ValueError(f"mm_per_px of {name!r} must be above 0, not {pitch}")
        return self

    @property
    def learned(self) -> Priors | None:
        """The priors; None for uniform ones.

        Raises:
            ValueError: They are still an address; who reads files puts what it holds in its place.
        """
        if isinstance(self.priors, Priors):
            return self.priors
        if self.priors != UNIFORM:
            raise ValueError(f"the priors {self.priors} were never read")
        return None
