"""What is wrong with a corpus: a row per fault, counted whole and kept up to a bound."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

CHECKS = {
    "plan": "every planned image once, in whole shards, as many as the run card says",
    "marker": "every shard committed, and its marker that of its manifest",
    "manifest": "every manifest readable, of a known schema, with exactly the planned rows",
    "row": "every row as planned, of this run, and complete for what became of it",
    "image": "every made image there, with the hash, size and depth of its row, and decodable",
    "mark": "every picture says in its own file that it is synthetic, and which image it is",
    "outside": "no pixel outside what was fused differs from its bag, where the bag is there and nothing lossy",
    "label": "every mask inside its image, its area counted, its box tight",
    "pair": "both views of a bag made of the same items, or none of them made",
    "licence": "no row more liberal than its bag, none but permissive ones where the use is commercial",
    "orphan": "no image without a row, no manifest and no marker without a plan",
    "leftover": "no unfinished file of a killed writer",
    "coco": "the COCO file has the images, classes and objects of the manifest",
    "report": "the totals are those of the manifest",
}
"""What is checked, by name."""

_MAKE_AGAIN = "delete committed/SHARD.json, and the command that made the corpus makes that shard again"
_SUM_UP_AGAIN = "delete report.json, and the command that made the corpus writes both summaries again"
_DELETE = (
    "delete the file that is named, of a member of a container committed/SHARD.json, if it is still found once all "
    "else is mended"
)

REMEDIES = {
    "plan": "the command that made the corpus writes its plan again",
    **dict.fromkeys(
        ("marker", "manifest", "row", "image", "mark", "outside", "label", "pair", "licence"), _MAKE_AGAIN
    ),
    "coco": _SUM_UP_AGAIN,
    "report": _SUM_UP_AGAIN,
    "orphan": _DELETE,
    "leftover": _DELETE,
}
"""What mends the findings of each check, in the order in which it is to be done."""

KEPT_PER_CHECK = 200
"""Findings of one check that are kept as rows; the others are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One fault."""

    check: str
    """A name of `CHECKS`."""

    shard_id: str | None = None
    image_id: str | None = None
    message: str


class Findings:
    """Faults: all of them counted, the first of each check kept."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.kept: list[Finding] = []

    def add(
        self, check: str, message: str, *, shard_id: str | None = None, image_id: str | None = None
    ) -> None:
        """Note a fault.

        Args:
            check: A name of `CHECKS`.
            message: What is wrong, on one line.
            shard_id: The shard, where it is one's.
            image_id: The image, where it is one's.
        """
        self.counts[check] += 1
        if self.counts[check] <= KEPT_PER_CHECK:
            self.kept.append(Finding(check=check, shard_id=shard_id, image_id=image_id, message=message))

    def merge(self, other: "Findings") -> None:
        """Take over what somebody else found."""
        before = Counter(finding.check for finding in self.kept)
        for finding in other.kept:
            before[finding.check] += 1
            if before[finding.check] <= KEPT_PER_CHECK:
                self.kept.append(finding)
        self.counts.update(other.counts)

    @property
    def num_left_out(self) -> int:
        """Faults that are counted but not kept."""
        return self.counts.total() - len(self.kept)

    def remedies(self) -> dict[str, list[str]]:
        """Give what mends the faults, in the order in which it is to be done, with the checks that each is for."""
        found: dict[str, list[str]] = {}
        for check, remedy in REMEDIES.items():
            if self.counts[check]:
                found.setdefault(remedy, []).append(check)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for a journey between processes."""
        return {"counts": dict(self.counts), "kept": [asdict(finding) for finding in self.kept]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Findings":
        """Take what `to_dict` gave."""
        findings = cls()
        findings.counts.update(values["counts"])
        findings.kept = [Finding(**each) for each in values["kept"]]
        return findings
