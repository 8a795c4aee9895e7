"""Settings of ``rwsc items build``: where things lie, and how items are cut."""

from pydantic import Field

from rwsc.config import ADDRESS
from rwsc.items.config import ItemsConfig


class BuildConfig(ItemsConfig):
    """Settings of one build of an item bank."""

    catalogue: str = Field(json_schema_extra=ADDRESS)
    """Catalogue of annotated scans (.parquet); local or s3://."""

    output: str = Field(json_schema_extra=ADDRESS)
    """Item bank to write: a .parquet file or a folder; local or s3://."""

    review: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """File of a person's decisions (CSV: item_id, decision, note), which go before the gate; local or s3://."""
