"""What went wrong in a store, as one line with the address and a remedy, and never with a secret."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rwsc.errors import AccessDenied, ObjectExists, ObjectMissing, RwscError, StorageError
from rwsc.storage.addresses import is_s3

SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


class Fault(NamedTuple):
    """What is the matter, and what to do about it."""

    matter: str
    remedy: str


_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a pair that this server knows"
_REGION = "set AWS_REGION to the bucket's region, and AWS_ENDPOINT_URL if it is no AWS bucket"
_DENIED = Fault(
    "access is denied (403)",
    "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the key's rights on the bucket",
)
_NO_S3 = Fault(
    "the server answers 404 (not found)", "check AWS_ENDPOINT_URL: is it the S3 address of this server?"
)
_STORE_FULL = Fault(
    "the store is full", "free space or raise the quota, then run again: finished work is kept"
)
_BROKEN = Fault("the server fails", "run again later; the server's own log says more")
_BUSY = Fault("the server is too busy", "run again, or with fewer workers")

_S3_FAULTS = {
    "NoSuchBucket": Fault("the bucket does not exist", "create it, or correct the name after s3://"),
    "InvalidBucketName": Fault("the bucket's name is not valid", "correct the name after s3://"),
    "InvalidAccessKeyId": Fault("the server does not know the access key", _CREDENTIALS),
    "SignatureDoesNotMatch": Fault("the secret does not fit the access key", _CREDENTIALS),
    "ExpiredToken": Fault("the session token has expired", "fetch fresh AWS_* credentials"),
    "InvalidToken": Fault("the session token is not valid", "fetch fresh AWS_* credentials"),
    "RequestTimeTooSkewed": Fault("this machine's clock is wrong", "set the clock, for example with NTP"),
    "AccessDenied": _DENIED,
    "403": _DENIED,
    "401": _DENIED,
    "AuthorizationHeaderMalformed": Fault("the bucket is in another region", _REGION),
    "PermanentRedirect": Fault("the bucket is in another region", _REGION),
    "301": Fault("the bucket is in another region", _REGION),
    "InsufficientStorage": _STORE_FULL,
    "QuotaExceeded": _STORE_FULL,
    "XMinioStorageFull": _STORE_FULL,
    "507": _STORE_FULL,
    "InternalError": _BROKEN,
    "500": _BROKEN,
    "502": _BROKEN,
    "504": _BROKEN,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "503": _BUSY,
}

_NETWORK_REMEDY = "check AWS_ENDPOINT_URL, the network, and that the server runs"
_NETWORK_FAULTS = (
    (r"dns error|name or service not known|gaierror", "its host name is unknown"),
    (r"certificate", "its certificate is not trusted (AWS_CA_BUNDLE names a file of trusted ones)"),
    (r"wrong_version_number|invalidcontenttype|corrupt message", "it speaks http, not https"),
    (r"connection refused|connect call failed", "nothing listens there"),
    (r"timed ?out|timeout|deadline", "it does not answer in time"),
    (r"error sending request|connection|connect|sslerror|body error|payload", "the connection fails"),
)

_LOCAL_FAULTS = {
    errno.ENOENT: Fault("the folder cannot be made", "choose another folder"),
    errno.EACCES: Fault("permission denied", "check the owner and the rights of the folder"),
    errno.EPERM: Fault("permission denied", "check the owner and the rights of the folder"),
    errno.EROFS: Fault("the file system is read-only", "choose another folder"),
    errno.ENOSPC: Fault("the disk is full", "free space, then run again"),
    errno.EDQUOT: Fault("the disk quota is used up", "free space, then run again"),
    errno.ENOTDIR: Fault(
        "a file stands where a folder is expected", "move the file, or choose another folder"
    ),
    errno.EEXIST: Fault(
        "a file stands where a folder is expected", "move the file, or choose another folder"
    ),
    errno.EISDIR: Fault("a folder stands where a file is expected", "give the file inside it"),
    errno.ENAMETOOLONG: Fault("the name is too long for this file system", "use a shorter name or folder"),
    errno.ELOOP: Fault("symbolic links lead round in a circle", "remove one of the links"),
    errno.EMFILE: Fault("too many open files", "raise the limit (ulimit -n), or use fewer workers"),
}

_NO_FOLDER = Fault(
    "a file stands where a folder is expected",
    "give a folder, such as one of images, or a .json or .parquet file",
)
_READING = ("read", "list", "look up")
"""Actions that want a folder which is there, not a place for one."""

_STATUS = re.compile(r"(?:status code: |An error occurred \()(\d{3})\b")
_NOT_ABOUT_THE_FAULT = re.compile(r"https?://.+? in [\d.]+|https?://\S+|path:? \S+|\w+_timeout: \S+")
_CODE = re.compile(r"<Code>(\w+)</Code>|An error occurred \((\w+)\)")
_STORE_PACKAGES = {"obstore", "botocore", "aiobotocore", "aiohttp", "s3fs", "fsspec"}


@contextmanager
def explained(uri: str, action: str) -> Iterator[None]:
    """Turn whatever a store raises inside the block into an error the user can act on.

    Args:
        uri: Address the block works on.
        action: What it does there, a verb such as `read`.

    Yields:
        Nothing.

    Raises:
        ObjectMissing: There is nothing under the address.
        ObjectExists: There is something, and it was not to be overwritten.
        StorageError: Anything else the store, the network or the disk complained about.
    """
    try:
        yield
    except RwscError:
        raise
    except Exception as error:
        if not _is_from_store(error):
            raise
        # The cause may hold signed headers or the access key: it is told in our words, not chained.
        raise explain(error, uri, action=action) from None


def explain(error: BaseException, uri: str, *, action: str) -> StorageError:
    """Say in one line what a store's error means.

    Args:
        error: What obstore, s3fs or the operating system raised.
        uri: Address it was raised for.
        action: What was being done there, a verb such as `read`.

    Returns:
        The error to raise in its stead.
    """
    chain = list(_causes(error))
    text = "\n".join(f"{type(link).__name__}: {link}" for link in chain)
    kinds = {type(link).__name__ for link in chain}
    code = _s3_code(text)
    if "AlreadyExistsError" in kinds:
        return object_exists(uri)
    if code in _S3_FAULTS:
        return _failure(uri, action, _S3_FAULTS[code])
    if isinstance(error, FileNotFoundError) and not action.startswith("write"):
        return ObjectMissing(f"there is nothing at {uri}", remedy="check the address")
    if isinstance(error, NotADirectoryError) and action in _READING and not is_s3(uri):
        return _failure(uri, action, _NO_FOLDER)
    if isinstance(error, OSError) and error.errno in _LOCAL_FAULTS and not is_s3(uri):
        return _failure(uri, action, _LOCAL_FAULTS[error.errno])
    if isinstance(error, PermissionError):
        return _failure(uri, action, _DENIED)
    if code.isdigit():
        return _failure(uri, action, _NO_S3 if code == "404" else Fault(f"the server answers {code}", ""))
    return _network_failure(text, uri, action) or _failure(uri, action, Fault(_first_line(error), ""))


def object_exists(uri: str) -> ObjectExists:
    """Say that an address is taken."""
    return ObjectExists(f"{uri} exists already", remedy="choose another name, or allow overwriting")


def refuse_larger(uri: str, num_bytes: int, max_bytes: int | None) -> None:
    """Refuse an object that is too large to be read whole; for images see `rwsc.storage.images.ImageLimits`.

    Args:
        uri: Its address.
        num_bytes: Its size.
        max_bytes: Largest size that is read; None reads any.

    Raises:
        AccessDenied: It is larger, and none of it has been read.
    """
    if max_bytes is not None and num_bytes > max_bytes:
        raise AccessDenied(
            f"{uri} has {num_bytes:,} bytes, over the limit of {max_bytes:,} for a file that is read whole",
            remedy="split it into smaller files, or take it out of the source",
        )


def redacted(text: str) -> str:
    """Blot out credentials: values of the AWS variables, signatures, and names before an @ in an address."""
    for variable in SECRET_VARIABLES:
        value = os.environ.get(variable, "")
        if len(value) > 2:
            text = text.replace(value, "***")
    text = re.sub(r"(?i)(x-amz-(?:signature|credential|security-token)=)[^&\s\"]+", r"\1***", text)
    return re.sub(r"://[^/@\s]*@", "://***@", text)


def _is_from_store(error: BaseException) -> bool:
    package = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError | TimeoutError) or package in _STORE_PACKAGES


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _s3_code(text: str) -> str:
    code = _CODE.search(text)
    named = (code.group(1) or code.group(2)) if code else ""
    status = _STATUS.search(text)
    return named if named in _S3_FAULTS or status is None else status.group(1)


def _network_failure(text: str, uri: str, action: str) -> StorageError | None:
    if not is_s3(uri):
        return None
    spoken = _NOT_ABOUT_THE_FAULT.sub("", text)
    for pattern, matter in _NETWORK_FAULTS:
        if re.search(pattern, spoken, re.IGNORECASE):
            endpoint = redacted(os.environ.get("AWS_ENDPOINT_URL", "AWS"))
            line = f"cannot {action} {uri}: the S3 endpoint {endpoint} cannot be reached: {matter}"
            return StorageError(line, remedy=_NETWORK_REMEDY)
    return None


def _failure(uri: str, action: str, fault: Fault) -> StorageError:
    kind = AccessDenied if "denied" in fault.matter else StorageError
    return kind(f"cannot {action} {uri}: {fault.matter}", remedy=fault.remedy)


def _first_line(error: BaseException) -> str:
    lines = redacted(str(error)).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
