"""The item bank in memory: which items there are, and their pixels when they are wanted."""

import hashlib
import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rwsc.errors import SourceError
from rwsc.items.pixels import decode_alpha, decode_transmission, num_channels, pixels_of
from rwsc.items.schema import ITEMS_KIND, ITEMS_SCHEMA, ITEMS_VERSION
from rwsc.storage.parquet import open_table, read_table
from rwsc.storage.prefix import absolute_uri
from rwsc.storage.table_check import check_table

BANK_KEY = "items.parquet"
"""Name of the bank inside a folder."""

BATCH_ROWS = 64
"""Rows of a bank that are held at once, and rows of a row group."""

DEFAULT_CACHE_BYTES = 512 * 2**20

_HASHED = [
    "item_id", "physical_item_id", "label", "dataset", "licence", "scanner_id", "split", "group", "view",
]  # fmt: skip
_REQUIRED = ("item_id", "physical_item_id", "label", "status")
_OF_USABLE = ["width", "height", "transmission_png", "alpha_png"]
_COLUMNS = [*_HASHED, "width", "height", "transmission_png", "alpha_png", "status"]


def bank_uri(text: str) -> str:
    """Give the address of a bank's file: a .parquet file itself, or items.parquet in any other address."""
    uri = absolute_uri(text)
    return uri if uri.lower().endswith(".parquet") else f"{uri}/{BANK_KEY}"


def iter_bank(uri: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read a bank part by part, so that memory holds one part of it.

    Args:
        uri: The bank's file.
        columns: Columns to read; None reads all.

    Yields:
        Tables of up to `BATCH_ROWS` rows, in the file's order.

    Raises:
        SourceError: The file is no item bank, or was written by an rwsc that knew fewer columns.
        StorageError: It cannot be read.
    """
    wanted = ITEMS_SCHEMA.names if columns is None else list(columns)
    with open_table(uri, kind=ITEMS_KIND, version=ITEMS_VERSION, columns=wanted) as parquet:
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=wanted, use_threads=False):
            table = pa.Table.from_batches([batch]).select(wanted)
            check_table(table, uri, schema=ITEMS_SCHEMA, required=_REQUIRED)
            yield table


class PixelCache:
    """Decoded items, those used last; bounded in bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._lock = threading.Lock()
        self._pixels: OrderedDict[str, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def get(self, item: "Item") -> tuple[np.ndarray, np.ndarray]:
        """Give an item's transmission and alpha, read-only, decoding them if they are not at hand."""
        with self._lock:
            pixels = self._pixels.get(item.item_id)
        if pixels is None:
            with pixels_of(item.item_id):
                pixels = decode_transmission(item.transmission_png), decode_alpha(item.alpha_png)
            for array in pixels:
                array.flags.writeable = False
        with self._lock:
            self._put(item.item_id, pixels)
        return pixels

    def _put(self, item_id: str, pixels: tuple[np.ndarray, np.ndarray]) -> None:
        self._num_bytes += _num_bytes(pixels) - _num_bytes(self._pixels.pop(item_id, ()))
        self._pixels[item_id] = pixels
        while self._num_bytes > self._max_bytes and len(self._pixels) > 1:
            self._num_bytes -= _num_bytes(self._pixels.popitem(last=False)[1])

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes empty."""
        return (PixelCache, (self._max_bytes,))


def _num_bytes(arrays: tuple[np.ndarray, ...]) -> int:
    return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Item:
    """One usable item of a bank."""

    item_id: str
    physical_item_id: str
    label: str
    dataset: str | None
    licence: str | None
    scanner_id: str | None
    split: str | None
    group: str | None
    view: str | None
    width: int
    height: int
    transmission_png: bytes = field(repr=False)
    alpha_png: bytes = field(repr=False)
    cache: PixelCache = field(repr=False)

    @property
    def transmission_HWC(self) -> np.ndarray:
        """The item's own transmission, float32 in (0, 1], 1 off the item, RGB or low and high energy; read-only."""
        return self.cache.get(self)[0]

    @property
    def num_channels(self) -> int:
        """2 for an item of two energies, else 3; told without decoding its pixels."""
        with pixels_of(self.item_id):
            return num_channels(self.transmission_png)

    @property
    def alpha_HW(self) -> np.ndarray:
        """Coverage, float32 in [0, 1]; read-only."""
        return self.cache.get(self)[1]


class ItemBank:
    """The usable items of a bank, sorted by id; a sequence, and a mapping by id."""

    def __init__(self, items: list[Item]) -> None:
        self.items = sorted(items, key=lambda item: item.item_id)
        self._by_id = {item.item_id: item for item in self.items}

    @classmethod
    def load(
        cls, uri: str, *, splits: Collection[str] | None = None, cache_bytes: int = DEFAULT_CACHE_BYTES
    ) -> "ItemBank":
        """Read a bank's usable items; pixels stay encoded until they are wanted.

        Args:
            uri: A ``.parquet`` file or a folder that holds items.parquet, local or s3://.
            splits: Splits to keep; None keeps all, also items of no split.
            cache_bytes: Memory for decoded pixels.

        Returns:
            A bank of one item or more.

        Raises:
            SourceError: The file is no item bank, or no usable item is left.
            StorageError: It cannot be read.
        """
        table = read_table(bank_uri(uri), kind=ITEMS_KIND, version=ITEMS_VERSION, columns=_COLUMNS)
        check_table(table, bank_uri(uri), schema=ITEMS_SCHEMA, required=_REQUIRED)
        usable = [row for row in _rows_without_pixels(table) if row["status"] == "ok"]
        kept = [row for row in usable if splits is None or row["split"] in splits]
        if not kept:
            raise _nothing_left(uri, table, Counter(str(row["split"]) for row in usable), splits)
        is_usable = pc.equal(table["status"], "ok")
        for name in _OF_USABLE:
            if pc.any(pc.and_(is_usable, pc.is_null(table[name]))).as_py():
                raise SourceError(
                    f"{bank_uri(uri)}: a usable item has no {name}", remedy="build the bank again"
                )
        return cls(_items(table, kept, PixelCache(cache_bytes)))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __getitem__(self, position: int) -> Item:
        return self.items[position]

    def get(self, item_id: str) -> Item:
        """Give the item of an id.

        Args:
            item_id: The id.

        Returns:
            The item.

        Raises:
            SourceError: The bank holds no such item.
        """
        if item_id not in self._by_id:
            raise SourceError(
                f"the item bank holds no item {item_id}", remedy="give the bank the corpus was made of"
            )
        return self._by_id[item_id]

    @property
    def labels(self) -> list[str]:
        """Classes of the items, sorted."""
        return sorted({item.label for item in self.items})

    @property
    def bank_hash(self) -> str:
        """Hash of all that the items bring into an output, pixels and licences alike; 64 hex digits."""
        digest = hashlib.sha256()
        for item in self.items:
            facts = [getattr(item, name) for name in _HASHED]
            pixels = [hashlib.sha256(data).hexdigest() for data in (item.transmission_png, item.alpha_png)]
            digest.update(json.dumps([*facts, *pixels]).encode() + b"\n")
        return digest.hexdigest()


def _rows_without_pixels(table: pa.Table) -> list[dict]:
    rows: list[dict] = table.drop_columns(["transmission_png", "alpha_png"]).to_pylist()
    return [{**row, "position": position} for position, row in enumerate(rows)]


def _items(table: pa.Table, rows: list[dict], cache: PixelCache) -> list[Item]:
    names = [name for name in _COLUMNS if name not in ("status", "transmission_png", "alpha_png")]
    return [
        Item(
            **{name: row[name] for name in names},
            transmission_png=table["transmission_png"][row["position"]].as_py(),
            alpha_png=table["alpha_png"][row["position"]].as_py(),
            cache=cache,
        )
        for row in rows
    ]


def _nothing_left(
    uri: str, table: pa.Table, splits: Counter[str], wanted: Collection[str] | None
) -> SourceError:
    if not splits:
        return SourceError(
            f"{uri} holds no usable item among its {table.num_rows} rows",
            remedy="rwsc items show tells why items were rejected; [items] holds the limits",
        )
    found = ", ".join(f"{name} ({count})" for name, count in sorted(splits.items()))
    return SourceError(
        f"{uri} holds no usable item of split {' or '.join(map(repr, sorted(wanted or [])))}",
        remedy=f"splits there are {found}; rwsc items split assigns them",
    )
