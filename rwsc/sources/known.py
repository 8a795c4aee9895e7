"""What is known of public datasets: terms, classes, published counts."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

_FILE = "datasets.toml"
_SHORT_NAME_CHARS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """Published counts of one edition of a dataset; None or nothing where none were published."""

    name: str = ""
    images: int | None = None
    threat_images: int | None = None
    splits: dict[str, int] = field(default_factory=dict)
    """Images by split."""

    objects: dict[str, int] = field(default_factory=dict)
    """Objects by class, as the dataset names it."""

    num_objects: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownDataset:
    """One public dataset."""

    name: str
    layout: str | None = None
    """Reader for it; None where rwsc has none."""

    modality: str | None = None
    licence: str | None = None
    """Terms in short, as `rwsc.sources.licences.classify` reads them."""

    paper: str | None = None
    classes: tuple[str, ...] = ()
    """Class names as the dataset spells them."""

    editions: tuple[Edition, ...] = ()
    notes: tuple[str, ...] = ()

    def nearest_edition(self, num_images: int) -> Edition | None:
        """Give the edition whose published number of images is nearest; None where none was published."""
        counted = [edition for edition in self.editions if edition.images is not None]
        return min(counted, key=lambda edition: abs((edition.images or 0) - num_images), default=None)


@cache
def known_datasets() -> tuple[KnownDataset, ...]:
    """Give all datasets that something is known of, in the order of the table."""
    document = tomllib.loads(resources.files("rwsc.sources").joinpath(_FILE).read_text(encoding="utf-8"))
    return tuple(_dataset(record) for record in document["dataset"])


def find_dataset(text: str | None) -> KnownDataset | None:
    """Find the dataset that a text names.

    Args:
        text: A name as a source, a user or a folder gives it, for example ``SIXray (positive)``.

    Returns:
        The dataset, or None where the text names none.

    Example:
        >>> found = find_dataset("compass_xp/Colour")
        >>> found and found.name
        'COMPASS-XP'
    """
    lowered = (text or "").lower()
    words, joined = re.findall(r"[a-z]+", lowered), re.sub(r"[-_]", "", lowered)
    for known in known_datasets():
        name = re.sub(r"[^a-z]", "", known.name.lower())
        # A short name such as EDS stands in many other words.
        if name in words or (len(name) >= _SHORT_NAME_CHARS and name in joined):
            return known
    return None


def _dataset(record: dict[str, Any]) -> KnownDataset:
    editions = tuple(Edition(**edition) for edition in record.get("editions", []))
    lists = {name: tuple(record.get(name, ())) for name in ("classes", "notes")}
    return KnownDataset(**{**record, **lists, "editions": editions})
