"""Check one shard of a corpus: marker, manifest, rows, images, and that nothing else lies there."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rwsc.corpus.check_image import BagReader, ImageCheck
from rwsc.corpus.check_row import Fault, Promised, has_own_file, row_faults
from rwsc.corpus.commit import is_committed, manifest_key, read_marker
from rwsc.corpus.containers import ImageReader, container_key, member_names
from rwsc.corpus.findings import Findings
from rwsc.corpus.manifest import MANIFEST_KIND, MANIFEST_SCHEMA, MANIFEST_VERSION, STATUSES
from rwsc.corpus.plan import PlannedImage
from rwsc.errors import AccessDenied, ObjectMissing, SourceError
from rwsc.sources.json_fields import one_line
from rwsc.storage.parquet import decode_table
from rwsc.storage.prefix import Prefix


@dataclass(slots=True)
class Counted:
    """What a shard, or a corpus, holds."""

    numbers: Counter[str] = field(default_factory=Counter)
    """Images by status, `objects` and `distractors` of made ones, `planned`, and what
    `rwsc.corpus.check_image.ImageCheck` counts of the images read again."""

    annotations: Counter[str] = field(default_factory=Counter)
    """Objects by class and origin, as `annotation_name` writes them."""

    images_sum: int = 0
    """Sum of `image_digest` over made images: equal for equal images in any order."""

    def merge(self, other: "Counted") -> None:
        """Add what another shard holds."""
        self.numbers.update(other.numbers)
        self.annotations.update(other.annotations)
        self.images_sum = (self.images_sum + other.images_sum) % 2**64

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for a journey between processes."""
        return {
            "numbers": dict(self.numbers),
            "annotations": dict(self.annotations),
            "images_sum": self.images_sum,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Counted":
        """Take what `to_dict` gave."""
        return cls(Counter(values["numbers"]), Counter(values["annotations"]), values["images_sum"])


def annotation_name(label: str, *, synthetic: bool) -> str:
    """Name a class with its origin."""
    return f"{label}, {'inserted' if synthetic else 'of the bag'}"


def image_digest(image_id: object, uri: object, width: object, height: object) -> int:
    """Hash what the COCO file says of an image to 64 bits."""
    data = json.dumps([image_id, uri, width, height]).encode()
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def check_shard(
    corpus: Prefix,
    planned: list[PlannedImage],
    promised: Promised,
    *,
    to_read: Collection[str],
    bags: BagReader,
) -> tuple[Findings, Counted]:
    """Check a shard whole, and read some of its images again.

    What is wrong is looked at once more: a run at work may have been replacing the shard.

    Args:
        corpus: The corpus.
        planned: The plan's rows of the shard.
        promised: What the run card says.
        to_read: Ids of the images whose files are read, decoded and held against their bags.
        bags: Reads the bags.

    Returns:
        What is wrong, and what the shard holds.
    """
    checked = _check_once(corpus, planned, promised, to_read, bags)
    return _check_once(corpus, planned, promised, to_read, bags) if checked[0].counts else checked


def _check_once(
    corpus: Prefix,
    planned: list[PlannedImage],
    promised: Promised,
    to_read: Collection[str],
    bags: BagReader,
) -> tuple[Findings, Counted]:
    shard_id = planned[0].shard_id
    findings, counted = Findings(), Counted(Counter(planned=len(planned)))
    images = ImageReader(corpus)
    again = ImageCheck(images=images, bags=bags, promised=promised, numbers=counted.numbers)
    if promised.layout == "files":
        files = _files(corpus, shard_id, findings)
    else:
        files = _members(corpus, container_key(shard_id, promised.layout), images, to_read, findings)
    if (rows := _read_manifest(corpus, shard_id, findings)) is None:
        rows, planned = [], []
    by_id = _match(rows, planned, shard_id, findings)
    there = [(by_id[image.image_id], image) for image in planned if image.image_id in by_id]
    for row, image in there:
        faults = _faults(row, image, promised, counted)
        if row["status"] == "made" and has_own_file(row, promised.layout):
            is_read = image.image_id in to_read and row["uri"] in files
            faults += again.faults(row, image, knows_items=not faults) if is_read else _absence(row, files)
        for check, message in faults:
            findings.add(check, message, shard_id=shard_id, image_id=image.image_id)
    for image_id in _torn_pairs(row for row, _ in there):
        findings.add("pair", "the other view of its bag is another", shard_id=shard_id, image_id=image_id)
    for key in sorted(files - {row["uri"] for row in rows}):
        findings.add("orphan", f"{key} has no row", shard_id=shard_id)
    return findings, counted


def _files(corpus: Prefix, shard_id: str, findings: Findings) -> set[str]:
    folder = f"images/{shard_id}"
    for name in corpus.look_into(folder).leftovers:
        findings.add("leftover", f"{folder}/{name} is an unfinished file", shard_id=shard_id)
    return set(corpus.list_keys(folder))


def _members(
    corpus: Prefix, container: str, images: ImageReader, to_read: Collection[str], findings: Findings
) -> set[str]:
    try:
        names = images.members(container) if to_read else member_names(corpus, container)
    except ObjectMissing:
        return set()
    except (SourceError, AccessDenied) as error:
        shard_id = container.removeprefix("images/").rpartition(".")[0]
        findings.add("image", error.message, shard_id=shard_id)
        return set()
    return {f"{container}#{name}" for name in names}


def _read_manifest(corpus: Prefix, shard_id: str, findings: Findings) -> list[dict[str, Any]] | None:
    key = manifest_key(shard_id)
    try:
        data = corpus.read(key)
        table = decode_table(data, corpus.uri_of(key), kind=MANIFEST_KIND, version=MANIFEST_VERSION)
    except (ObjectMissing, SourceError) as error:
        where = "manifest" if is_committed(corpus, shard_id) else "marker"
        findings.add(
            where,
            error.message if where == "manifest" else "the shard was never committed",
            shard_id=shard_id,
        )
        return None
    lacking = _lacking(table.schema)
    if lacking:
        findings.add("manifest", f"{key} has no column {', '.join(lacking)} of its kind", shard_id=shard_id)
        return None
    rows = table.to_pylist()
    if fault := _marker_fault(corpus, shard_id, data, rows):
        findings.add("marker", fault, shard_id=shard_id)
    return rows


def _lacking(schema: pa.Schema) -> list[str]:
    there = {name: schema.field(name).type for name in schema.names}
    return [name for name in MANIFEST_SCHEMA.names if there.get(name) != MANIFEST_SCHEMA.field(name).type]


def _marker_fault(corpus: Prefix, shard_id: str, manifest: bytes, rows: list[dict[str, Any]]) -> str | None:
    try:
        marker = read_marker(corpus, shard_id)
    except ObjectMissing:
        return "there is a manifest but no marker: the shard was never committed"
    except SourceError as error:
        return error.message
    counts = Counter(row["status"] for row in rows)
    if marker["manifest_sha256"] != hashlib.sha256(manifest).hexdigest():
        return "the manifest is not the one that the marker names by its hash"
    if marker["rows"] != len(rows) or any(marker["status"][each] != counts[each] for each in STATUSES):
        return f"the marker counts {marker['rows']} rows and {marker['status']}, the manifest has others"
    return None


def _match(
    rows: list[dict[str, Any]], planned: list[PlannedImage], shard_id: str, findings: Findings
) -> dict[str, dict[str, Any]]:
    by_id: dict[str, dict[str, Any]] = {}
    wanted = {image.image_id for image in planned}
    for row in rows:
        image_id = row["image_id"]
        if image_id not in wanted:
            findings.add("manifest", "the row was not planned", shard_id=shard_id, image_id=image_id)
        elif image_id in by_id:
            findings.add("manifest", "the image has two rows", shard_id=shard_id, image_id=image_id)
        by_id.setdefault(image_id, row)
    for image in planned:
        if image.image_id not in by_id:
            findings.add(
                "manifest", "the planned image has no row", shard_id=shard_id, image_id=image.image_id
            )
    return by_id


def _torn_pairs(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give the images of a bag of two views that do not tell of the same things as their partner."""
    told: dict[str, tuple[object, ...]] = {}
    for row in rows:
        if row["pair_id"] is None:
            continue
        things = [thing["label"] for name in ("objects", "empty_insertions") for thing in row[name] or []]
        if told.setdefault(row["pair_id"], (row["status"], things)) != (row["status"], things):
            yield row["image_id"]


def _faults(row: dict[str, Any], image: PlannedImage, promised: Promised, counted: Counted) -> list[Fault]:
    try:
        _count(row, counted)
        return list(row_faults(row, image, promised))
    except (TypeError, KeyError, ValueError) as error:  # values of the right type where none may be missing
        return [("row", f"the row cannot be made sense of: {one_line(error)[:100]}")]


def _count(row: Mapping[str, Any], counted: Counted) -> None:
    counted.numbers[row["status"]] += 1
    if row["status"] != "made":
        return
    counted.numbers["objects"] += len(row["objects"]) + len(row["bag_objects"] or [])
    counted.numbers["distractors"] += len(row["distractors"])
    for things, synthetic in ((row["objects"], True), (row["bag_objects"] or [], False)):
        counted.annotations.update(annotation_name(thing["label"], synthetic=synthetic) for thing in things)
    digest = image_digest(row["image_id"], row["uri"], row["width"], row["height"])
    counted.images_sum = (counted.images_sum + digest) % 2**64


def _absence(row: Mapping[str, Any], files: Collection[str]) -> list[Fault]:
    return [] if row["uri"] in files else [("image", f"{row['uri']} is not there")]
