"""Settings of a synthesis run."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from rwsc.config import ADDRESS, EXTENT, SPEED, Settings
from rwsc.corpus.containers import Layout
from rwsc.corpus.controls import ControlsConfig
from rwsc.fusion.engines import BASELINES, ENGINES, EngineConfig
from rwsc.fusion.match import MatchConfig
from rwsc.placement.draw import PlacementConfig
from rwsc.placement.paired import Belt

_OF_ONE_VIEW = ("priors", "mm_per_px", "overlap_share", "occlusion_levels")
"""Settings of placement that ask for what is not known of a place in two views."""


class SynthConfig(Settings):
    """How a corpus is made."""

    items: str = Field(json_schema_extra=ADDRESS)
    """Item bank: a Parquet file or a folder that holds items.parquet; local or s3://."""

    bags: str = Field(json_schema_extra=ADDRESS)
    """Catalogue of scans (Parquet) that items are put into; local or s3://."""

    output: str = Field(json_schema_extra=ADDRESS)
    """Folder of the corpus; local or s3://."""

    weights: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Weights of the fusion network (safetensors, its JSON card beside it), or a training run's folder. The engine rwsc
    takes those that come with rwsc, trained on phantoms alone, where none are given; their name is default."""

    num_images: int = Field(default=1000, ge=1, le=100_000_000, json_schema_extra=EXTENT)
    """Images to plan, controls included. Those that cannot be made are rows with a reason, not missing."""

    engine: str = "rwsc"
    """Way to fuse: rwsc, or tip, tip_gray, tip_hsv, tip_material, tip_calibrated, tip_dual (two
    energies), alpha, poisson. To compare with: average, minimum and, with weights of their own, u2fusion,
    fusiongan, fusiongan_swapped, deepfuse, mefnet. Equal seeds place equal items in equal bags whatever the engine."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the run."""

    bag_kinds: list[Literal["benign", "threat", "isolated"]] = Field(default=["benign"], min_length=1)
    """Kinds of scans that serve as bags."""

    split: str | None = None
    """Use only bags and items of this split; None uses all. Bags of a catalogue in which none states a split are
    shared out by their content: 70 % train, 15 % val, 15 % test."""

    paired_views: dict[str, Belt] = Field(default={})
    """For scanners of two views: the names of both, and for each the axis of its pictures, x or y, along which the belt
    moves. Then bags of which both views are there get the same items in both, over the same stretch of the belt; items
    are those that were cut out of both views of a bag, and keep their turn. Priors, mm_per_px, occlusion levels,
    overlap_share and distractors are refused beside it; min_score has no meaning. Empty takes every scan by itself."""

    class_weights: dict[str, float] = Field(default={})
    """Relative number of items per class; a class that is not named has weight 1. One class of the bank at least
    needs a weight above 0."""

    item_scanner: Literal["any", "same"] = "any"
    """same puts only items into a bag that its own scanner saw (what the catalogue states as scanner, or else the
    dataset): items keep the colours, sharpness and noise of the scanner they were cut from."""

    context: float = Field(default=0.5, ge=0, le=4)
    """Width of bag that the engine sees on each side of an item, as a share of the item's size."""

    image_format: Literal["auto", "png", "jpeg", "npy"] = "auto"
    """File format of the images. PNG is lossless, so pixels outside the items equal the decoded bag's; npy (NumPy) is
    so too, and holds two energies. auto takes npy for scans of two energies and PNG for all others."""

    jpeg_quality: int = Field(default=95, ge=1, le=100)
    """Quality of JPEG output, 1 to 100; no effect on the others."""

    layout: Layout = "files"
    """How images are stored: files of their own (images/SHARD/ID.png), or all of a shard in one Parquet file with
    embedded bytes (images/SHARD.parquet, Hugging Face's feature Image) or one tar (webdataset: images/SHARD.tar), which
    cost an object store two requests a shard. A worker holds the images of a shard in memory then."""

    shard_images: int = Field(default=32, ge=1, le=100_000)
    """Images per shard, the unit of work, of retry and of resume."""

    declared_use: Literal["research", "commercial"] = "research"
    """What the corpus will be used for; a commercial one refuses sources of academic or unknown licence."""

    max_pixels: int = Field(default=100_000_000, ge=1)
    """Largest scan that is decoded, in pixels; a larger one becomes a failed row."""

    placement: PlacementConfig = PlacementConfig()
    """How items are drawn and placed."""

    fusion: EngineConfig = EngineConfig()
    """Settings of the engines that need no weights."""

    match: MatchConfig = MatchConfig()
    """How far items are brought to the noise and the sharpness of their bag before they are fused."""

    controls: ControlsConfig = ControlsConfig()
    """Images without items, and harmless things beside items, against shortcuts of a detector."""

    workers: int | None = Field(default=None, ge=1, json_schema_extra=SPEED)
    """Workers that fuse at once; None takes one per GPU, or one per CPU where there is none."""

    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra=SPEED)
    """Where the network runs; auto takes the GPUs of the cluster when it has any."""

    io_threads: int = Field(default=4, ge=1, le=64, json_schema_extra=SPEED)
    """Threads per worker that read bags and write images while the engine works."""

    @property
    def chosen_match(self) -> MatchConfig | None:
        """How items are matched; None where nothing of them is."""
        return self.match if self.match.noise or self.match.sharpness else None

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        if engine not in (*ENGINES, *BASELINES):
            raise ValueError(f"engines are {', '.join((*ENGINES, *BASELINES))}")
        return engine

    @field_validator("class_weights")
    @classmethod
    def _positive(cls, weights: dict[str, float]) -> dict[str, float]:
        for label, weight in weights.items():
            if not weight >= 0 or weight == float("inf"):
                raise ValueError(f"the weight of {label!r} must be 0 or more, not {weight}")
        return weights

    @field_validator("paired_views")
    @classmethod
    def _two(cls, views: dict[str, Belt]) -> dict[str, Belt]:
        if len(views) not in (0, 2):
            raise ValueError(f"a pair has two views, not {len(views)}: {', '.join(views)}")
        return views

    @model_validator(mode="after")
    def _keep_pairs_whole(self) -> Self:
        if self.paired_views:
            for name in ("num_images", "shard_images"):
                if getattr(self, name) % 2:
                    raise ValueError(
                        f"{name} must be even where paired_views are set, not {getattr(self, name)}"
                    )
            if self.controls.distractor_share:
                raise ValueError(
                    "distractors are not known in two views: with paired_views distractor_share is 0"
                )
            for name in _OF_ONE_VIEW:
                if getattr(self.placement, name) != PlacementConfig.model_fields[name].default:
                    raise ValueError(
                        f"placement.{name} is not known in two views: leave it out with paired_views"
                    )
        return self
