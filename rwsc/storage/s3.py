"""Clients for S3, set up from the environment and from nothing else."""

import hashlib
import os
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from obstore.store import S3Store

from rwsc.errors import StorageError
from rwsc.storage.failures import redacted

if TYPE_CHECKING:
    from s3fs import S3FileSystem

DEFAULT_REGION = "us-east-1"

_KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ROLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_READ_VARIABLES = (
    *_KEY_PAIR,
    *_ROLES,
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CA_BUNDLE",
)

Patience = Literal["long", "short", "none"]
"""How faults that may pass are met: outlived for two minutes, told within ten seconds, or told at once."""

_RETRIES: dict[str, dict[str, Any]] = {
    # A server that is restarted takes about half a minute. The time decides: 100 tries are over after one minute.
    "long": {
        "max_retries": 1000,
        "retry_timeout": timedelta(seconds=120),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=3),
            "base": 2,
        },
    },
    # A request that is never answered is repeated too.
    "short": {"max_retries": 5, "retry_timeout": timedelta(seconds=5)},
    "none": {"max_retries": 0, "retry_timeout": timedelta(seconds=5)},
}
_TIMEOUTS = {
    "long": {"connect_timeout": "5s", "read_timeout": "15s", "timeout": "120s"},
    "short": {"connect_timeout": "2s", "timeout": "3s"},
    "none": {"connect_timeout": "5s", "read_timeout": "15s", "timeout": "30s"},
}

_ATTEMPTS, _ATTEMPTS_AT_ALL = 10, 3
"""How often botocore asks again, for about a minute; and how often s3fs begins anew with a busy server, or with a body
that broke off, of which botocore knows nothing."""

_READ_TIMEOUT_S = 15

_first_user_pid: int | None = None


def open_bucket(bucket: str, *, patience: Patience = "long") -> S3Store:
    """Give the client for single objects of a bucket, the same one for the same environment.

    Args:
        bucket: Name of the bucket.
        patience: How faults that may pass are met.

    Returns:
        The client; nothing has been asked of the server yet.

    Raises:
        StorageError: The environment lacks credentials or names an impossible endpoint, or the process was
            forked off one that had used S3.
    """
    _check_environment()
    return _bucket_client(bucket, patience, _environment_digest())


def open_file_system() -> "S3FileSystem":
    """Give the client for seekable files, the same one for the same environment.

    Returns:
        An s3fs file system that keeps no listings.

    Raises:
        StorageError: As for `open_bucket`.
    """
    _check_environment()
    return _file_system(_environment_digest())


@lru_cache(maxsize=32)
def _bucket_client(bucket: str, patience: Patience, environment: str) -> S3Store:
    options: dict[str, Any] = dict(_TIMEOUTS[patience])
    options["allow_http"] = _endpoint().startswith("http://")
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        options["root_certificate"] = Path(bundle).read_bytes()
    return S3Store(
        bucket,
        region=_region(),
        client_options=options,
        retry_config=_RETRIES[patience],
        # What deletes many at once is a POST, which the client does not repeat when its answer is lost.
        disable_bulk_delete=True,
    )


@lru_cache(maxsize=4)
def _file_system(environment: str) -> "S3FileSystem":
    # Loading botocore takes a third of a second, which local work need not pay.
    from s3fs import S3FileSystem

    files = S3FileSystem(
        client_kwargs={"endpoint_url": _endpoint() or None, "region_name": _region()},
        config_kwargs={
            "retries": {"max_attempts": _ATTEMPTS, "mode": "standard"},
            "connect_timeout": 5,
            "read_timeout": _READ_TIMEOUT_S,
            # Many servers that are not Amazon's refuse the checksum trailers that botocore adds by default.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = _ATTEMPTS_AT_ALL
    return files


def _check_environment() -> None:
    _check_not_forked()
    present = [name for name in _KEY_PAIR if os.environ.get(name)]
    if len(present) == 1 or not (present or any(os.environ.get(name) for name in _ROLES)):
        missing = ", ".join(name for name in _KEY_PAIR if name not in present)
        raise StorageError(
            f"the credentials for S3 are missing: {missing} not set",
            remedy="set them; with an AWS profile: eval $(aws configure export-credentials --format env)",
        )
    endpoint = _endpoint()
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise StorageError(
            f"AWS_ENDPOINT_URL is {redacted(endpoint).rpartition('@')[2]!r}, which is no address of a server",
            remedy="write it as http://HOST:PORT or https://HOST:PORT",
        )
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if bundle and not Path(bundle).is_file():
        raise StorageError(f"AWS_CA_BUNDLE names {bundle}, which is no file", remedy="correct or unset it")


def _check_not_forked() -> None:
    # The clients' threads do not survive a fork: the first read in the child would hang for good.
    global _first_user_pid
    if _first_user_pid is None:
        _first_user_pid = os.getpid()
    if _first_user_pid != os.getpid():
        raise StorageError(
            "S3 cannot be used in a process forked from one that has used it",
            remedy="start worker processes with the method 'spawn' or 'forkserver'",
        )


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def _environment_digest() -> str:
    """Name the environment without holding it: caches and tracebacks show their keys."""
    values = "\0".join(f"{name}={os.environ.get(name, '')}" for name in _READ_VARIABLES)
    return hashlib.sha256(values.encode()).hexdigest()
