"""Tell a store that is down from a file that cannot be used."""

from rwsc.errors import AccessDenied, StorageError
from rwsc.storage.addresses import is_s3


def is_outage(error: Exception, uri: str | None) -> bool:
    """Say whether an error ends the run: a bucket is down, rather than one file that may not be read.

    Args:
        error: What was raised.
        uri: Address that was read; None for one that is no address.

    Returns:
        True for any failure of a bucket but a refusal of this one object.
    """
    return isinstance(error, StorageError) and not isinstance(error, AccessDenied) and is_s3(uri or "")
