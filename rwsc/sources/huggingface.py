"""Reader for Parquet files of Hugging Face: an ``image`` column of structs, an ``objects`` column of boxes."""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rwsc.errors import AccessDenied, SourceError, StorageError
from rwsc.sources.class_names import usable_name
from rwsc.sources.json_fields import Json, is_finite, one_line, shown
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceObject, SourceScan
from rwsc.sources.tree import SourceTree
from rwsc.storage.addresses import is_s3
from rwsc.storage.embedded import PARQUET_FAULTS, embedded_uri, image_column
from rwsc.storage.files import open_read
from rwsc.storage.parquet import open_parquet

_OBJECT_COLUMNS = ("objects", "annotations")
_BOX_FIELDS = ("bbox", "bboxes", "boxes", "box")
_LABEL_FIELDS = ("category", "categories", "label", "labels", "class", "classes", "category_id")
_BOX_FORMAT_KEYS = ("bbox_format", "box_format")
_CORNERS = ("xyxy", "pascal_voc", "voc", "corners")
_SIZES = ("xywh", "coco")
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val", "test": "test"}

_NUM_OPENED = 3
_BATCH_ROWS = 256
_MAX_BATCH_BYTES = 64 * 2**20
"""Annotations of so many rows; a packed file can hold far more than its size tells."""

_MAX_DEPTH = 8
_MAX_METADATA_BYTES = 16 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class _Columns:
    """What the columns of one file are called, and how they are to be read."""

    image: str
    objects: str
    box: str
    label: str | None
    names: tuple[str | None, ...] | None
    """Class names by number, empty where there is no such class and None where no class can be called so; None for all
    where the classes are texts, or nobody has named them."""

    has_corners: bool
    licence: str | None


def _recognise(tree: SourceTree) -> str | None:
    return next(
        (key for key in _parquet_keys(tree)[:_NUM_OPENED] if _is_readable(str(tree.uri_of(key)))), None
    )


def _is_readable(uri: str) -> bool:
    try:
        with open_read(uri) as file:
            _columns(pq.read_schema(file))
    except (SourceError, *PARQUET_FAULTS):
        return False
    except StorageError as error:
        if _is_outage(error, uri):
            raise
        return False
    return True


def _list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    keys = _parquet_keys(tree)
    if not keys:
        raise SourceError(
            f"no Parquet file in {tree.root.uri}", remedy="give the folder that holds data/*.parquet"
        )
    return _scans(tree, keys, dropped)


def _scans(tree: SourceTree, keys: list[str], dropped: Counter[str]) -> Iterator[SourceScan]:
    num_read, num_opened = 0, 0
    first_error: StorageError | None = None
    for key in keys:
        uri = str(tree.uri_of(key))
        try:
            with open_read(uri) as file:
                yield from _FileReader(file, uri, _split_of(key), dropped).scans()
            num_read += 1
        except (SourceError, *PARQUET_FAULTS) as error:
            num_opened += 1
            yield _failed(uri, f"Parquet file cannot be used: {one_line(error)}")
        except StorageError as error:
            if _is_outage(error, uri):
                raise
            first_error = first_error or error
            yield _failed(uri, one_line(error))
    if first_error is not None and not num_read and not num_opened:
        raise first_error
    if not num_read:
        raise SourceError(
            f"none of the {len(keys)} Parquet files in {tree.root.uri} holds images with boxes",
            remedy="they need a column 'image' of bytes and a column 'objects' with 'bbox'",
        )


def _parquet_keys(tree: SourceTree) -> list[str]:
    return [key for key in tree.walk("", [".parquet"]) if tree.uri_of(key) is not None]


def _is_outage(error: StorageError, uri: str) -> bool:
    return is_s3(uri) and not isinstance(error, AccessDenied)


def _failed(uri: str, problem: str) -> SourceScan:
    return SourceScan(uri=uri, kind="threat", problem=problem)


def _split_of(key: str) -> str | None:
    """Read a split out of a file's name, or else out of its folders', the nearest first."""
    for part in reversed(posixpath.splitext(key)[0].split("/")):
        words = re.findall(r"[a-z]+", part.lower())
        found = next((_SPLITS[word] for word in words if word in _SPLITS), None)
        if found is not None:
            return found
    return None


class _FileReader:
    """The scans of one Parquet file, a row group at a time and without its images."""

    def __init__(self, file: BinaryIO, uri: str, split: str | None, dropped: Counter[str]) -> None:
        self._file = file
        self._uri = uri
        self._split = split
        self._dropped = dropped

    def scans(self) -> Iterator[SourceScan]:
        """Give a scan per row; a damaged row group is one scan with a `problem`."""
        with open_parquet(self._file) as parquet:
            columns = _columns(parquet.schema_arrow)
            row = 0
            for number in range(parquet.metadata.num_row_groups):
                end = row + parquet.metadata.row_group(number).num_rows
                try:
                    for scan in self._group(parquet, number, row, columns):
                        yield scan
                        row += 1
                    if row != end:
                        raise ValueError("another number of rows than stated")
                except PARQUET_FAULTS as error:
                    problem = f"damaged from here to row {end - 1}: {one_line(error)}"
                    yield _failed(embedded_uri(self._uri, row), problem)
                row = end

    def _group(
        self, parquet: pq.ParquetFile, number: int, first_row: int, columns: _Columns
    ) -> Iterator[SourceScan]:
        sizes = [name for name in ("width", "height") if name in parquet.schema_arrow.names]
        row = first_row
        # Only rows are asked of the footer: what it says of a column can end the process when it is damaged.
        for batch in parquet.iter_batches(
            _BATCH_ROWS, row_groups=[number], columns=[columns.objects, *sizes], use_threads=False
        ):
            if batch.nbytes > _MAX_BATCH_BYTES:
                raise ValueError(f"annotations of {batch.nbytes} bytes, more than {_MAX_BATCH_BYTES}")
            for record in _records(batch):
                yield self._scan(record, row, columns)
                row += 1

    def _scan(self, record: dict[str, Any] | None, row: int, columns: _Columns) -> SourceScan:
        uri = embedded_uri(self._uri, row)
        try:
            if record is None:
                raise SourceError("damaged annotation: no valid Unicode")
            stated = _stated_objects(record[columns.objects], columns)
            objects, num_unknown = _objects(stated or [], columns)
        except SourceError as error:
            return SourceScan(uri=uri, kind="threat", problem=one_line(error), split=self._split)
        if num_unknown:
            self._dropped["annotation of an unknown category"] += num_unknown
        width, height = record.get("width"), record.get("height")
        flags = ["no_annotation"] * (stated is None) + ["unknown_category"] * (num_unknown > 0)
        return SourceScan(
            uri=uri,
            kind="benign" if stated == [] else "threat",
            licence=columns.licence,
            split=self._split,
            stated_size_wh=(width if is_finite(width) else None, height if is_finite(height) else None),
            objects=tuple(objects),
            flags=tuple(flags),
        )


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | None]:
    """Give the rows of a batch; None for one that holds a damaged text."""
    try:
        records: list[dict[str, Any]] = batch.to_pylist()
    except ValueError:
        if batch.num_rows == 1:
            yield None
            return
        for place in range(batch.num_rows):
            yield from _records(batch.slice(place, 1))
    else:
        yield from records


def _stated_objects(cell: Json, columns: _Columns) -> list[tuple[Json, Json]] | None:
    """Bring both shapes, a struct of lists and a list of structs, to (box, class) pairs; None for no annotation."""
    if cell is None:
        return None
    if isinstance(cell, list):
        if not all(isinstance(thing, dict) for thing in cell):
            raise SourceError("damaged annotation: an object is null")
        return [(thing.get(columns.box), thing.get(columns.label or "")) for thing in cell]
    boxes, labels = cell.get(columns.box), cell.get(columns.label or "")
    if boxes is None and labels is None:
        return None
    boxes = [] if boxes is None else boxes
    labels = [None] * len(boxes) if columns.label is None else labels or []
    if len(boxes) != len(labels):
        raise SourceError(f"damaged annotation: {len(boxes)} boxes and {len(labels)} classes")
    return list(zip(boxes, labels, strict=True))


def _objects(stated: list[tuple[Json, Json]], columns: _Columns) -> tuple[list[SourceObject], int]:
    """Check the objects of a row; gives them, and how many are of a class that has no name."""
    found, num_unknown = [], 0
    for box, label in stated:
        if not isinstance(box, list) or len(box) != 4 or not all(is_finite(value) for value in box):
            raise SourceError(f"damaged annotation: a box is {shown(box)}")
        named = _label(label, columns)
        if named is None:
            num_unknown += 1
            continue
        x, y, third, fourth = map(float, box)
        xywh = (x, y, third - x, fourth - y) if columns.has_corners else (x, y, third, fourth)
        found.append(SourceObject(label=named[0], bbox_xywh=xywh, flags=named[1]))
    return found, num_unknown


def _label(label: Json, columns: _Columns) -> tuple[str, tuple[str, ...]] | None:
    if columns.label is None:
        return "object", ("unknown_class",)
    if isinstance(label, str) and (stated := usable_name(label)):
        return stated, ()
    if isinstance(label, int) and not isinstance(label, bool):
        is_known = columns.names is not None and 0 <= label < len(columns.names)
        name = columns.names[label] if columns.names is not None and is_known else None
        if columns.names is None or (is_known and name is None):
            return f"category {label}", ("unnamed_category",)
        return (name, ()) if name else None
    raise SourceError(f"damaged annotation: a class is {shown(label)}")


def _columns(schema: pa.Schema) -> _Columns:
    metadata = schema.metadata or {}
    if b"rwsc.kind" in metadata:
        raise SourceError(f"a table of rwsc itself, {metadata[b'rwsc.kind'].decode(errors='replace')!r}")
    image = image_column(schema)
    objects = next((name for name in _OBJECT_COLUMNS if name in schema.names), None)
    if image is None or objects is None or schema.names.count(objects) > 1:
        raise SourceError("no column 'image' of bytes beside a column 'objects'")
    kind = schema.field(objects).type
    record = kind.value_type if _is_list(kind) else kind
    names = (
        [record.field(place).name for place in range(record.num_fields)] if pa.types.is_struct(record) else []
    )
    box = next((name for name in _BOX_FIELDS if name in names), None)
    if box is None:
        raise SourceError(f"the column {objects!r} holds no boxes")
    label = next((name for name in _LABEL_FIELDS if name in names), None)
    described = _described(metadata.get(b"huggingface", b""))
    info = described.get("info")
    info = info if isinstance(info, dict) else {}
    features = info.get("features")
    feature = features.get(objects) if isinstance(features, dict) else None
    licence = info.get("license")
    return _Columns(
        image=image,
        objects=objects,
        box=box,
        label=label,
        names=_class_names(_find(feature, label)) if label else None,
        has_corners=_has_corners(metadata, [described, info, feature]),
        licence=licence if isinstance(licence, str) and licence.strip() else None,
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _described(data: bytes) -> dict[str, Json]:
    """Read what Hugging Face's library notes in a file; nothing where it is damaged."""
    if len(data) > _MAX_METADATA_BYTES:
        return {}
    try:
        document = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _find(node: Json, name: str, depth: int = 0) -> Json:
    """Find a field's description below another, whichever way lists and structs are nested."""
    if depth > _MAX_DEPTH or not isinstance(node, dict | list):
        return None
    if isinstance(node, dict) and isinstance(node.get(name), dict | list):
        return node[name]
    inner = node.values() if isinstance(node, dict) else node
    return next((found for child in inner if (found := _find(child, name, depth + 1)) is not None), None)


def _class_names(node: Json, depth: int = 0) -> tuple[str | None, ...] | None:
    if depth > _MAX_DEPTH or not isinstance(node, dict | list):
        return None
    if isinstance(node, dict) and node.get("_type") == "ClassLabel":
        names = node.get("names")
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return tuple(usable_name(name) if name.strip() else "" for name in names)
        return None
    inner = node.values() if isinstance(node, dict) else node
    return next((found for child in inner if (found := _class_names(child, depth + 1)) is not None), None)


def _has_corners(metadata: dict[bytes, bytes], notes: list[Json]) -> bool:
    """Say whether boxes are stated by two corners, which is so only where the file says it."""
    stated = [
        metadata[key.encode()].decode(errors="replace")
        for key in _BOX_FORMAT_KEYS
        if key.encode() in metadata
    ]
    stated += [
        note[key] for note in notes if isinstance(note, dict) for key in _BOX_FORMAT_KEYS if key in note
    ]
    for text in stated:
        if str(text).lower() not in (*_CORNERS, *_SIZES):
            raise SourceError(f"boxes are stated as {shown(text)}, which is not known")
    return bool(stated) and str(stated[0]).lower() in _CORNERS


READER = Reader(layout="huggingface", recognise=_recognise, list_scans=_list_scans)
