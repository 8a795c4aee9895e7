"""What a split must know of a usable item, read from a bank."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rwsc.items.bank import iter_bank
from rwsc.items.likeness import Signature, signature_of
from rwsc.items.pixels import decode_alpha, decode_transmission, pixels_of

_FACTS = [
    "item_id", "physical_item_id", "identity_stated", "label", "dataset", "split", "group", "source_scan_id", "status",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitItem:
    """What a split must know of a usable item."""

    item_id: str
    physical_item_id: str
    label: str
    source_scan_id: str
    dataset: str | None = None
    group: str | None = None
    split: str | None = None
    identity_stated: bool = False

    @property
    def group_name(self) -> str | None:
        """Dataset and group as one name; None where the source names no group."""
        return None if self.group is None else f"{self.dataset or ''}\x1f{self.group}"


def usable_items(uri: str) -> Iterator[SplitItem]:
    """Read the usable items of a bank.

    Args:
        uri: The bank's file.

    Yields:
        Items in the order of the bank.

    Raises:
        ObjectMissing: There is nothing.
        SourceError: It is no item bank.
    """
    for table in iter_bank(uri, _FACTS):
        yield from (_item(row) for row in table.to_pylist() if row["status"] == "ok")


def described_items(uri: str) -> Iterator[tuple[SplitItem, Signature | None]]:
    """Read the usable items of a bank, each with what its picture is compared by.

    Args:
        uri: The bank's file.

    Yields:
        Items in the order of the bank; those without anything to compare have None beside them.

    Raises:
        ObjectMissing: There is nothing.
        SourceError: It is no item bank, or the pixels of an item are damaged.
    """
    for table in iter_bank(uri, [*_FACTS, "transmission_png", "alpha_png"]):
        for row in table.to_pylist():
            if row["status"] == "ok":
                with pixels_of(row["item_id"]):
                    pixels = decode_transmission(row["transmission_png"]), decode_alpha(row["alpha_png"])
                yield _item(row), signature_of(*pixels)


def _item(row: Mapping[str, Any]) -> SplitItem:
    facts = {name: row[name] for name in _FACTS if name != "status"}
    return SplitItem(**{**facts, "identity_stated": bool(facts["identity_stated"])})
