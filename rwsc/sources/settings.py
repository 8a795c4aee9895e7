"""Settings of ``rwsc sources index``."""

from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, Field

from rwsc.config import ADDRESS, SPEED, Settings

LAYOUTS = (
    "sixray",
    "opixray",
    "hixray",
    "eds",
    "gdxray",
    "pidray",
    "clcxray",
    "pixray",
    "dvxray",
    "stcray",
    "iedxray",
    "compass_xp",
    "huggingface",
    "coco",
    "yolo",
    "voc",
    "labelme",
    "items",
    "folder",
)
"""Names of all layouts, in the order in which they are looked for; `rwsc.sources.layout` holds their readers."""


def _known_layout(name: str) -> str:
    if name not in LAYOUTS:
        close = get_close_matches(name, LAYOUTS, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown layout{meant} Layouts are {', '.join(LAYOUTS)}")
    return name


class IndexConfig(Settings):
    """What to index, and what to say of it where it does not say so itself."""

    source: str = Field(json_schema_extra=ADDRESS)
    """Folder of scans, or COCO JSON or Parquet file; local or s3://."""

    output: str = Field(json_schema_extra=ADDRESS)
    """Catalogue to write (.parquet); local or s3://."""

    layout: Annotated[str, AfterValidator(_known_layout)] | None = None
    """Layout of the source; None recognises it."""

    dataset: str | None = None
    """Name of the dataset where images state none; None takes the folder's name."""

    licence: str | None = None
    """Licence you vouch for; where an image states one as well, the stricter of the two is kept."""

    taxonomy: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """TOML file of class names and what they stand for; "none" keeps names as stated; None takes our own."""

    workers: int | None = Field(default=None, ge=1, le=4096, json_schema_extra=SPEED)
    """Workers on the Ray cluster; None takes one per CPU, and for small sources none but this process."""

    threads: int = Field(default=4, ge=1, le=64, json_schema_extra=SPEED)
    """Threads of each worker that read images."""

    part_images: int = Field(default=500, ge=1, le=100_000, json_schema_extra=SPEED)
    """Images per part of the work; a lost worker costs one part."""
