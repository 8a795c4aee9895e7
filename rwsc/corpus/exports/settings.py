"""Settings of an export."""

import math
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from rwsc.config import ADDRESS, SPEED, Settings

FormatName = Literal["coco", "yolo", "voc", "hf", "webdataset"]


class ExportConfig(Settings):
    """What of a corpus is exported, and in which form."""

    format: FormatName
    """coco (instances as JSON), yolo (text files), voc (Pascal VOC's XML), hf (Parquet for Hugging Face's datasets) or
    webdataset (tar files)."""

    corpus: str = Field(json_schema_extra=ADDRESS)
    """A finished corpus of rwsc synth; local or s3://."""

    output: str = Field(json_schema_extra=ADDRESS)
    """Folder of the export, empty or not there yet; local or s3://."""

    task: Literal["detect", "segment"] = "detect"
    """What yolo's text files hold: boxes, or a polygon per object."""

    splits: tuple[float, float, float] | None = None
    """Shares of train, val and test; no bag and no physical item lies in two of them. None exports all as one:
    the split that rwsc synth was given, or else train."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Chooses among equally good splits."""

    negatives: Literal["keep", "drop"] = "keep"
    """Whether images without a single label are exported: untouched bags and empty insertions."""

    clean_twin: bool = False
    """Export beside each image its bag without what was put in, encoded the same way. Needs the bags."""

    classes: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Classes in the order of their numbers, so that several corpora share them: another export's folder, a JSON list,
    or a text file with a name a line; local or s3://. None takes those of the corpus, sorted."""

    part_images: int = Field(default=1000, ge=1, le=100_000)
    """Most images of a Parquet file or of a tar; of the other formats, images that are written anew at most when an
    interrupted export is taken up again."""

    io_threads: int = Field(default=8, ge=1, le=64, json_schema_extra=SPEED)
    """Threads that read and write images."""

    @field_validator("splits")
    @classmethod
    def _shares(cls, splits: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if splits is not None and not (all(share >= 0 for share in splits) and 0 < sum(splits) < math.inf):
            raise ValueError(
                "shares of train, val and test are 0 or more, one of them above 0, and their sum is finite"
            )
        return splits

    @model_validator(mode="after")
    def _task_is_for_yolo(self) -> Self:
        if self.task == "segment" and self.format != "yolo":
            raise ValueError(
                f"the task is a matter of yolo; {self.format} holds what masks it can without it"
            )
        return self
