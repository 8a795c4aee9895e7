"""How many images of a corpus may fail before its run is stopped."""

import re
from dataclasses import dataclass
from fractions import Fraction

from rwsc.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """So many failed images, or such a share of those planned, are borne; one more is too many."""

    number: int | None = None
    share: Fraction | None = None
    """Exact: 29 % of 100 images are 29, where a binary fraction gives 28."""

    @classmethod
    def parse(cls, text: str) -> "FailureLimit":
        """Read ``20`` or ``0.5%``.

        Args:
            text: What the user typed.

        Returns:
            The limit.

        Raises:
            ConfigError: It is neither a number nor a percentage up to 100.
        """
        if re.fullmatch(r"[0-9]{1,12}", text):
            return cls(number=int(text))
        found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%", text)
        if found and (share := Fraction(found[1]) / 100) <= 1:
            return cls(share=share)
        raise ConfigError(
            f"{text!r} is no number of failed images", remedy="write --max-failed 20 or --max-failed 0.5%"
        )

    def __str__(self) -> str:
        return f"{self.number:,}" if self.number is not None else f"{float((self.share or 0) * 100):g} %"

    def images_of(self, num_images: int) -> int:
        """Give the most images of a corpus of this size that may fail."""
        return self.number if self.number is not None else int((self.share or 0) * num_images)
