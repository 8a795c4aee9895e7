"""Settings of ``rwsc sources index``."""

from typing import Literal

from pydantic import Field

from rwsc.config import ADDRESS, SPEED, Settings
from rwsc.sources.parallel import DEFAULT_WORKERS


class IndexConfig(Settings):
    """What to index, and what to say of it where it does not say so itself."""

    source: str = Field(json_schema_extra=ADDRESS)
    """Folder of images, COCO file or folder that holds one; local or s3://."""

    output: str = Field(json_schema_extra=ADDRESS)
    """Catalogue to write (.parquet); local or s3://."""

    layout: Literal["coco", "folder"] | None = None
    """Layout of the source; None recognises it."""

    dataset: str | None = None
    """Name of the dataset where images state none; None takes the folder's name."""

    licence: str | None = None
    """Licence you vouch for; where an image states one as well, the stricter of the two is kept."""

    workers: int = Field(default=DEFAULT_WORKERS, ge=1, le=64, json_schema_extra=SPEED)
    """Threads that read images."""
