"""Addresses of stored things: one written form for local folders and S3 buckets."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from rwsc.errors import StorageError

S3_SCHEME = "s3://"

PART_PREFIX = ".rwsc-part-"
"""How the names of unfinished files begin; whatever is named so is no object and is never listed."""

PAIR_MARK = "#high="
"""What stands between the names of two files that are one scan (`rwsc.storage.energy_pairs`); in no key."""


class Inside(NamedTuple):
    """What lies right inside a folder, each by its name there, sorted."""

    folders: list[str]
    objects: list[str]
    leftovers: list[str]
    """Unfinished files, see `PART_PREFIX`."""


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|s3:/", re.IGNORECASE)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def absolute_uri(text: str) -> str:
    """Bring an address as a user types it into its one form.

    Args:
        text: A local path, relative ones start at the working folder and `~` is the home folder, or an
            `s3://bucket/key` address.

    Returns:
        An absolute local path or an `s3://` address, without a slash at the end.

    Raises:
        StorageError: The text is empty, of another scheme, or names no usable bucket or key.
    """
    if not text.strip():
        raise StorageError("the address is empty", remedy="give a folder or s3://BUCKET/KEY")
    if is_s3(text):
        return _s3_uri(text)
    if found := _SCHEME.match(text):
        raise _unknown_scheme(found.group(), text)
    if "\0" in text:
        raise StorageError(f"{text!r} holds a zero byte", remedy="give a path without it")
    path = Path(text).expanduser() if text.split("/", 1)[0] == "~" else Path(text)
    return "/" + os.path.normpath(path.absolute()).lstrip("/")


def is_s3(uri: str) -> bool:
    """Tell whether an address lies in an S3 bucket."""
    return uri.startswith(S3_SCHEME)


def split_uri(uri: str) -> tuple[str, str]:
    """Cut an address into the prefix that holds the object and the object's key in it.

    Args:
        uri: Address of an object.

    Returns:
        The prefix's address and the last segment.

    Raises:
        StorageError: The address names a bucket or the root folder, so no object.
    """
    whole = absolute_uri(uri)
    parent, _, key = whole.rpartition("/")
    if not key or parent == S3_SCHEME[:-1]:
        raise StorageError(f"{whole} names no object", remedy="add a name behind it")
    return parent or "/", key


def join_uri(prefix_uri: str, key: str) -> str:
    """Give the address of a key inside a prefix."""
    return f"{prefix_uri.rstrip('/')}/{checked_key(key)}"


def bucket_and_path(uri: str) -> tuple[str, str]:
    """Cut an absolute `s3://` address into bucket and path; the path of a whole bucket is empty."""
    bucket, _, path = uri.removeprefix(S3_SCHEME).partition("/")
    return bucket, path


def checked_key(key: str) -> str:
    """Refuse a key that would leave its prefix or that not every store can hold.

    Args:
        key: Path inside a prefix, its segments separated by `/`.

    Returns:
        The key itself.

    Raises:
        StorageError: The key is empty or absolute, climbs with `..`, has an empty segment, holds a control
            character or text that is no Unicode, joins two names to one scan, or bears the name of an unfinished
            file.
    """
    segments = key.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise StorageError(
            f"the key {key!r} leaves its prefix or has an empty segment",
            remedy="use names separated by single slashes, without '.', '..' or a slash at either end",
        )
    if _CONTROL.search(key) or not _is_unicode(key):
        raise StorageError(
            f"the key {key!r} holds characters that not every store can name",
            remedy="use printable Unicode characters",
        )
    if PAIR_MARK in key:
        # An annotation must not join what it names to a file of another folder; readers make such addresses.
        raise StorageError(f"the key {key!r} is reserved", remedy=f"do not write {PAIR_MARK} into a name")
    if segments[-1].startswith(PART_PREFIX):
        raise StorageError(f"the key {key!r} is reserved", remedy=f"do not begin a name with {PART_PREFIX}")
    return key


def is_part(key: str) -> bool:
    """Tell whether a key is an unfinished file or a write test, so no object."""
    return key.rpartition("/")[2].startswith(PART_PREFIX)


def _s3_uri(text: str) -> str:
    bucket, path = bucket_and_path(text.rstrip("/"))
    if not _BUCKET.fullmatch(bucket):
        # Whatever stands before an @ may be a key and its secret, which some tools write there.
        shown = "the text after s3://" if "@" in text or ":" in bucket else repr(bucket)
        raise StorageError(
            f"{shown} is no bucket name", remedy="write s3://BUCKET/KEY; credentials go into AWS_* variables"
        )
    if path:
        checked_key(path)
    return f"{S3_SCHEME}{bucket}/{path}" if path else f"{S3_SCHEME}{bucket}"


def _unknown_scheme(scheme: str, text: str) -> StorageError:
    if scheme.lower().startswith("s3:"):
        shown = "an address with an @" if "@" in text else repr(text)
        return StorageError(f"{shown} is no S3 address", remedy="write s3://BUCKET/KEY, with two slashes")
    remedy = "give the path alone" if scheme.lower() == "file://" else "use a local path or s3://BUCKET/KEY"
    return StorageError(f"addresses that begin with {scheme} are not supported", remedy=remedy)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
