"""Where made images lie: in files of their own, or all of a shard in one Parquet file or one tar."""

import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import pyarrow as pa

from rwsc.errors import ObjectMissing, SourceError
from rwsc.sources.json_fields import one_line
from rwsc.storage.failures import refuse_larger
from rwsc.storage.files import open_read
from rwsc.storage.parquet import decode_table, encode_tables, open_table
from rwsc.storage.prefix import Prefix
from rwsc.storage.table_check import check_table

Layout = Literal["files", "parquet", "webdataset"]

SUFFIXES = {"parquet": ".parquet", "webdataset": ".tar"}
"""Ending of a container's name, by layout; the layout files has none."""

IMAGES_KIND = "rwsc.images"
IMAGES_VERSION = 1

GROUP_ROWS = 100
"""Images of a Parquet file that a reader has to fetch together."""

GROUP_BYTES = 128 * 2**20
"""The same, where images are so large that fewer of them make a group."""

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""Hugging Face's feature `Image`."""

_SCHEMA = pa.schema([("image", IMAGE), ("image_id", pa.string())])

MAX_CONTAINER_BYTES = 4 * 2**30
"""Largest container that is written or read: whoever does it holds it in memory."""

_MEMBER = re.compile(r"(?P<container>[^#]+(?:\.parquet|\.tar))#(?P<name>[^#/]+)")
_NUM_HELD = 2
_FEATURES = {"image": {"_type": "Image"}, "image_id": {"dtype": "string", "_type": "Value"}}


def container_key(shard_id: str, layout: str) -> str:
    """Give the key of a shard's container; `layout` is not files."""
    return f"images/{shard_id}{SUFFIXES[layout]}"


def parts_of(uri: str) -> tuple[str | None, str]:
    """Take the manifest's `uri` of an image apart.

    Args:
        uri: ``<container>#<name>``, or the key of a file.

    Returns:
        The container's key and the image's name in it; None and the file's key where there is no container.
    """
    found = _MEMBER.fullmatch(uri)
    return (found["container"], found["name"]) if found else (None, uri)


class ImageReader:
    """Reads made images of a corpus, wherever they lie; threads may share one.

    The last two containers stay in memory, so that reading in order fetches each once. One that is replaced
    meanwhile is not noticed.
    """

    def __init__(self, corpus: Prefix) -> None:
        """Bind a corpus; nothing is read yet."""
        self._corpus = corpus
        self._held: dict[str, dict[str, bytes]] = {}
        self._lock = threading.Lock()

    def read(self, uri: str, *, max_bytes: int | None = None) -> bytes:
        """Read one image.

        Args:
            uri: What the manifest says.
            max_bytes: Largest image that is read; None reads any.

        Returns:
            The bytes of its file.

        Raises:
            ObjectMissing: There is no such file, container or member.
            AccessDenied: It is larger.
            SourceError: The container is damaged.
            StorageError: The store refused, failed or could not be reached.
        """
        container, name = parts_of(uri)
        if container is None:
            return self._corpus.read(uri, max_bytes=max_bytes)
        data = self.members(container).get(name)
        if data is None:
            raise ObjectMissing(
                f"{self._corpus.uri_of(container)} holds no {name}", remedy="rwsc verify says more"
            )
        refuse_larger(uri, len(data), max_bytes)
        return data

    def members(self, container: str) -> dict[str, bytes]:
        """Read a whole container.

        Args:
            container: Its key.

        Returns:
            Images by name.

        Raises:
            ObjectMissing: There is none.
            AccessDenied: It is larger than `MAX_CONTAINER_BYTES`.
            SourceError: It is damaged.
            StorageError: The store refused, failed or could not be reached.
        """
        with self._lock:
            if container not in self._held:
                data = self._corpus.read(container, max_bytes=MAX_CONTAINER_BYTES)
                found = _unpacked(data, self._corpus.uri_of(container))
                for oldest in list(self._held)[: 1 - _NUM_HELD]:
                    del self._held[oldest]
                self._held[container] = found
            return self._held[container]


def read_image(corpus: Prefix, uri: str) -> bytes:
    """Read one image; see `ImageReader.read`, which is for several."""
    return ImageReader(corpus).read(uri)


def member_names(corpus: Prefix, container: str) -> list[str]:
    """Read the names in a container without its images, as far as its format allows.

    Args:
        corpus: The corpus.
        container: Its key.

    Returns:
        Names in the order of the container.

    Raises:
        ObjectMissing: There is none.
        SourceError: It is damaged, or names an image twice.
        StorageError: The store refused, failed or could not be reached.
    """
    uri = corpus.uri_of(container)
    if container.endswith(SUFFIXES["parquet"]):
        with open_table(uri, kind=IMAGES_KIND, version=IMAGES_VERSION) as parquet:
            _check_columns(parquet.schema_arrow, uri)
            paths = parquet.read(columns=["image.path"], use_threads=False)
            check_table(paths, uri, schema=_SCHEMA, required=("image", "image.path"))
            return _each_once([str(image["path"]) for image in paths["image"].to_pylist()], uri)
    with open_read(uri) as file:
        return _each_once([member.name for member in _tar_members(cast(io.BytesIO, file), uri)], uri)


def write_container(corpus: Prefix, rows: Sequence[Mapping[str, Any]], fresh: Mapping[str, bytes]) -> None:
    """Write the container of a shard, whole; images that were made earlier are taken from the one that is there.

    A container that replaces another holds all of its images under their names, so that the older manifest stays
    true until the new one follows. Equal images give equal bytes.

    Args:
        corpus: The corpus.
        rows: Manifest rows of the shard, in plan order; one at least was made.
        fresh: Images that were made now, by the manifest's `uri`.

    Raises:
        SourceError: An earlier image is missing or damaged, or the images are too many for a container.
        StorageError: The store refused, failed or could not be reached.
    """
    earlier = ImageReader(corpus)
    made = [row for row in rows if row["status"] == "made"]
    members = [
        (parts_of(row["uri"])[1], fresh[row["uri"]] if row["uri"] in fresh else _kept(earlier, row))
        for row in made
    ]
    container, _ = parts_of(made[0]["uri"])
    if container is None:
        raise ValueError(f"{made[0]['uri']} lies in no container")
    if (num_bytes := sum(len(data) for _, data in members)) > MAX_CONTAINER_BYTES:
        raise SourceError(
            f"{container} would have {num_bytes:,} bytes, over the limit of {MAX_CONTAINER_BYTES:,}",
            remedy="make a corpus with fewer shard_images, or of the layout files",
        )
    is_parquet = container.endswith(SUFFIXES["parquet"])
    corpus.write(container, _to_parquet(members) if is_parquet else _to_tar(members))


def add_to_tar(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file whose header tells nothing of when, where or by whom: its time is 0 and its owner nobody."""
    header = tarfile.TarInfo(name)
    header.size = len(data)
    tar.addfile(header, io.BytesIO(data))


def _kept(earlier: ImageReader, row: Mapping[str, Any]) -> bytes:
    remedy = "delete the shard's marker in committed/; the same command then makes the shard again"
    try:
        data = earlier.read(row["uri"])
    except ObjectMissing as error:
        raise SourceError(error.message, remedy=remedy) from None
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise SourceError(f"{row['uri']} has changed since it was made", remedy=remedy)
    return data


def _to_parquet(members: Sequence[tuple[str, bytes]]) -> bytes:
    # The feature opens pictures alone; arrays lie there as the bytes that they are.
    is_pictures = not any(name.endswith(".npy") for name, _ in members)
    about = {"huggingface": json.dumps({"info": {"features": _FEATURES}})} if is_pictures else None
    schema = _SCHEMA.with_metadata(about)
    tables = (
        pa.Table.from_pylist(
            [
                {"image": {"bytes": data, "path": name}, "image_id": name.partition(".")[0]}
                for name, data in group
            ],
            schema=schema,
        )
        for group in _groups(members)
    )
    return encode_tables(tables, schema=schema, kind=IMAGES_KIND, version=IMAGES_VERSION)


def _groups(members: Sequence[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    num_bytes = 0
    for member in members:
        group.append(member)
        num_bytes += len(member[1])
        if len(group) == GROUP_ROWS or num_bytes > GROUP_BYTES:
            yield group
            group, num_bytes = [], 0
    if group:
        yield group


def _to_tar(members: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            add_to_tar(tar, name, data)
    return buffer.getvalue()


def _unpacked(data: bytes, uri: str) -> dict[str, bytes]:
    if uri.endswith(SUFFIXES["parquet"]):
        table = decode_table(data, uri, kind=IMAGES_KIND, version=IMAGES_VERSION)
        _check_columns(table.schema, uri)
        check_table(table, uri, schema=_SCHEMA, required=("image", "image.path"))
        images = [(str(image["path"]), image["bytes"] or b"") for image in table.column("image").to_pylist()]
    else:
        images = [
            (member.name, data[member.offset_data : member.offset_data + member.size])
            for member in _tar_members(io.BytesIO(data), uri)
        ]
    _each_once([name for name, _ in images], uri)
    return dict(images)


def _tar_members(file: io.BytesIO, uri: str) -> list[tarfile.TarInfo]:
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            members = tar.getmembers()
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise _damaged(uri, one_line(error)[:100]) from None
    if strange := next((each for each in members if not each.isreg() or each.issparse()), None):
        raise _damaged(uri, f"{strange.name[:80]!a} is no plain file")
    return members


def _check_columns(schema: pa.Schema, uri: str) -> None:
    if "image" not in schema.names or schema.field("image").type != IMAGE:
        raise _damaged(uri, "no column image of bytes and path")


def _each_once(names: list[str], uri: str) -> list[str]:
    if len(set(names)) < len(names):
        raise _damaged(uri, "a name is there twice")
    return names


def _damaged(uri: str, reason: str) -> SourceError:
    return SourceError(
        f"{uri} is no container of images, or a damaged one: {reason}", remedy="rwsc verify says more"
    )
