"""A person's word on items: a list of ids to accept or to reject, which a build honours."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from rwsc.errors import SourceError
from rwsc.items.schema import ItemRow
from rwsc.sources.json_fields import one_line, shown
from rwsc.storage.prefix import absolute_uri, read_uri

ACCEPT: Literal["accept"] = "accept"
REJECT: Literal["reject"] = "reject"
Verdict = Literal["accept", "reject"]

COLUMNS = ("item_id", "decision", "note")
"""Columns of a review file; others are for the reader's eyes."""

REJECTED_IN_REVIEW = "rejected in review"

_MAX_BYTES = 64 * 2**20
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What a person decided about an item."""

    verdict: Verdict
    note: str
    line: int
    """Where in the file it stands, from 1."""


@dataclass(kw_only=True)
class Review:
    """The decisions of one review file."""

    uri: str
    decisions: dict[str, Decision] = field(default_factory=dict)
    """By item id."""

    _outcomes: dict[str, str] = field(default_factory=dict)
    """What became of each that a row was held against, by item id."""

    @property
    def outcome(self) -> Counter[str]:
        """What became of them as rows were held against them.

        Counts decisions as accepted, rejected, agreed (the gate had said the same), no pixels (nothing was cut out
        that could be accepted), annotated twice (another row that was accepted shows the same).
        """
        return Counter(self._outcomes.values())

    def apply(self, row: ItemRow) -> ItemRow:
        """Change a row as a person decided, if one did.

        Args:
            row: A row as the gate left it.

        Returns:
            The row with `review` set: a rejected one is of status rejected, an accepted one of status ok, with
            the gate's reason kept as `overruled_reason`. What has no pixels or could not be read stays.
        """
        decision = self.decisions.get(row.item_id)
        if decision is None:
            return row
        reviewed = replace(row, review=decision.verdict)
        wanted = "ok" if decision.verdict == ACCEPT else "rejected"
        if row.status == wanted:
            self._outcomes[row.item_id] = "agreed"
            return reviewed
        if decision.verdict == REJECT:
            if row.status == "failed":
                self._outcomes[row.item_id] = "agreed"
                return reviewed
            self._outcomes[row.item_id] = "rejected"
            reason = f"{REJECTED_IN_REVIEW}: {decision.note}" if decision.note else REJECTED_IN_REVIEW
            return replace(reviewed, status="rejected", reason=reason)
        if row.transmission_png is None or row.alpha_png is None:
            self._outcomes[row.item_id] = "no pixels"
            return reviewed
        self._outcomes[row.item_id] = "accepted"
        return replace(reviewed, status="ok", reason=None, overruled_reason=row.reason)

    def set_aside(self, item_id: str, why: str) -> None:
        """Take note that no row of an accepted item was kept, for example as another one shows the same.

        Args:
            item_id: The item.
            why: What became of the decision instead.
        """
        self._outcomes[item_id] = why

    @property
    def unknown_ids(self) -> list[str]:
        """Ids of the file that no row has borne so far, sorted."""
        return sorted(self.decisions.keys() - self._outcomes.keys())


def read_review(uri: str) -> Review:
    """Read a review file: CSV with the columns item_id, decision (accept or reject) and, if wanted, note.

    Lines that are empty or start with # are passed over, and so are lines without a decision, as a template
    has them. Commas or semicolons separate, quotes may enclose.

    Args:
        uri: The file, local or s3://.

    Returns:
        The decisions.

    Raises:
        SourceError: The file is no such CSV, or decides one item in two ways; the message names the line.
    """
    data = read_uri(uri)
    if len(data) > _MAX_BYTES:
        raise SourceError(f"{uri} is too large for a review: {len(data):,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{uri} is not UTF-8 text: {one_line(error)}", remedy="save it as CSV UTF-8"
        ) from None
    review = Review(uri=absolute_uri(uri))
    header: list[str] | None = None
    separator = ","
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if header is None:
            separator = ";" if ";" in line.partition(",")[0] else ","
            header = _header(_cells(line, separator, uri, number), uri, number)
            continue
        cells = dict(zip(header, _cells(line, separator, uri, number), strict=False))
        _note_decision(review, cells, number)
    if header is None:
        raise SourceError(f"{uri} holds no line of columns", remedy=_REMEDY)
    return review


def review_template(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Write a review file without decisions, for a person to fill in.

    Args:
        rows: Rows of a bank; `item_id`, `label`, `status` and `reason` are read.

    Returns:
        CSV in UTF-8.
    """
    file = io.StringIO()
    file.write(
        "# Write accept or reject into the column decision, a word on why into note, and give the file to\n"
    )
    file.write("# rwsc items build --review FILE. Lines without a decision change nothing.\n")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, "label", "status", "reason"])
    for row in rows:
        facts = [_harmless(str(row[name] or "")) for name in ("label", "status", "reason")]
        writer.writerow([row["item_id"], "", "", *facts])
    return file.getvalue().encode()


_REMEDY = "begin it with the line item_id,decision,note"


def _cells(line: str, separator: str, uri: str, number: int) -> list[str]:
    # One line at a time: a quote left open must not swallow the decisions below it.
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True))]
    except csv.Error as error:
        raise SourceError(f"{uri}, line {number} is no CSV: {one_line(error)}") from None


def _header(cells: list[str], uri: str, number: int) -> list[str]:
    names = [cell.lower() for cell in cells]
    for name in COLUMNS[:2]:
        if names.count(name) != 1:
            raise SourceError(
                f"{uri}, line {number} should name the columns, {name!r} once, but is {shown(','.join(cells))}",
                remedy=_REMEDY,
            )
    return names


def _note_decision(review: Review, cells: Mapping[str, str], number: int) -> None:
    item_id, verdict = cells.get("item_id", ""), cells.get("decision", "").lower()
    if not verdict:
        return
    where = f"{review.uri}, line {number}"
    if verdict not in (ACCEPT, REJECT):
        raise SourceError(f"{where}: the decision is {shown(cells['decision'])}, not accept or reject")
    if not item_id:
        raise SourceError(f"{where}: a decision without an item_id")
    note = one_line(cells.get("note", ""))
    decision = Decision(verdict=ACCEPT if verdict == ACCEPT else REJECT, note=note, line=number)
    earlier = review.decisions.setdefault(item_id, decision)
    if earlier.verdict != decision.verdict:
        raise SourceError(
            f"{where}: {shown(item_id)} is to {verdict}, but line {earlier.line} says {earlier.verdict}",
            remedy="keep one of the two lines",
        )


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking text that anybody may have written for a formula."""
    text = one_line(text)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
