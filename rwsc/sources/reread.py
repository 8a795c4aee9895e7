"""Read a catalogued scan again, and make sure that it is still the one that was indexed."""

import hashlib

import numpy as np

from rwsc.errors import SourceError
from rwsc.storage.images import DEFAULT_LIMITS, ImageLimits, decode_image
from rwsc.storage.prefix import read_uri


def read_indexed(uri: str | None, sha256: str | None, *, limits: ImageLimits = DEFAULT_LIMITS) -> np.ndarray:
    """Read and decode a scan.

    Args:
        uri: Its address, as the catalogue states it.
        sha256: Its hash, as the catalogue states it.
        limits: What it may cost.

    Returns:
        Its pixels, with the alpha channel where it has one.

    Raises:
        SourceError: The file is another one now.
        RwscError: It cannot be read.
    """
    data = read_uri(str(uri))
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SourceError(f"{uri} has changed since it was indexed", remedy="index the source again")
    return decode_image(data, limits=limits)
