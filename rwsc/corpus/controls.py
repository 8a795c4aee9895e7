"""Images that keep a detector from learning traces of processing instead of items: how many, and which."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from typing import Self

from pydantic import Field, model_validator

from rwsc.config import ADDRESS, Settings
from rwsc.fusion.baselines.config import BASELINE_NAMES


class Role(StrEnum):
    """What an image of a corpus is for."""

    POSITIVE = "positive"
    """Items are in it, and its labels say where."""

    EMPTY = "empty"
    """Items without any attenuation went through the engine where a positive would have its own; no labels."""

    NEGATIVE = "negative"
    """The bag as it is, encoded again like a positive; no labels."""


PAINTING_ENGINES = ("alpha", "average", *BASELINE_NAMES)
"""Engines that lay an item over the bag instead of darkening the bag by it. For them an item of air is a bright
patch, so that no item at all means a piece of the bag itself. Poisson blending is none of them: it takes edges,
and air has none; its normal clone leaves a smooth patch there, as it does under an item."""


class ControlsConfig(Settings):
    """Images without items, and harmless things that are put in like items."""

    empty_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the planned images that are empty insertions: items of no attenuation go the whole way of a
    positive's, so that whatever an engine leaves behind is met without an item too. They have no labels. Engines
    that paint over the bag get the bag's own pixels there."""

    negative_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the planned images that are bags as they are, encoded like positives, and rejected where no item
    would have found room: the choice of bags is no sign either. They have no labels."""

    distractor_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the positives and empty insertions that also get harmless things, put in the same way as items.
    They are never among the labels."""

    distractors_max: int = Field(default=2, ge=1)
    """Most harmless things in one of these images; the fewest are one, or none where there is no room."""

    distractors: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Item bank of harmless things, local or s3://. None takes drawn ones (bottles, books, shoes ...), which are
    fit for phantoms only: in real scans a detector can tell them by their being drawn."""

    @model_validator(mode="after")
    def _leave_no_less_than_nothing(self) -> Self:
        if self.empty_share + self.negative_share > 1:
            raise ValueError(
                f"empty_share ({self.empty_share}) and negative_share ({self.negative_share}) are above 1 together"
            )
        return self


NO_CONTROLS = ControlsConfig()
"""Positives alone, without distractors."""


def roles_in_order(controls: ControlsConfig) -> Iterator[Role]:
    """Give the role of image after image of a plan, without end.

    Each image takes the role that has fallen furthest behind its share, so the first n images of any plan hold
    each role in its share of n to within one image, and a longer plan begins with the shorter one.

    Args:
        controls: Shares of the roles.

    Yields:
        The next image's role.
    """
    shares = {
        Role.POSITIVE: 1 - controls.empty_share - controls.negative_share,
        Role.EMPTY: controls.empty_share,
        Role.NEGATIVE: controls.negative_share,
    }
    given = dict.fromkeys(shares, 0)
    for number in count(1):
        role = max(shares, key=lambda each: round(shares[each] * number - given[each], 9))
        given[role] += 1
        yield role
