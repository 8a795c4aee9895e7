"""A study: arms that are trained alike but for named settings, over several seeds, compared on the same pairs."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from rwsc.config import ADDRESS, SPEED, Settings, load_settings, suggestion
from rwsc.errors import ConfigError
from rwsc.training.samples import SampleConfig
from rwsc.training.settings import TrainConfig

SECTION = "evaluate_tables"
"""The command's table in a settings file."""

TableName = Literal["edge_attention", "region", "losses", "methods", "sweep"]
"""Table 1, the ablation of Figure 7, that of the losses, Table 2, and one row per arm of whatever is swept."""

EngineName = Literal["average", "minimum", "tip", "alpha"]

TRUTH = "truth"
"""The true scan of item and bag together, which phantoms have: what the metrics say of it tells what they are worth."""

_SET_BY_THE_STUDY = ("items", "bags", "phantoms", "output", "seed", "split")
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")


class Arm(Settings):
    """One way to train, in which it differs from the others, and the tables that it is shown in."""

    name: str
    """Name of the arm, in file names too: lower-case letters, digits and _."""

    title: str = Field(default="", max_length=120)
    """What the tables call it; its name when empty."""

    tables: list[TableName] = Field(default=["sweep"], min_length=1)
    """Tables it is shown in: edge_attention (Table 1), region (Figure 7), losses, methods (Table 2) or sweep."""

    against: list[str] = Field(default=[])
    """Arms that are to do better than this one; under each table that shows both it is said whether they do."""

    set: dict[str, Any] = Field(default={})
    """Settings of [train] in which the arm differs, nested or dotted: {"network.edge_attention" = false}. An arm with
    start_from has the network of those weights, unless it names one itself."""

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("use lower-case letters, digits and _, at most 40")
        return name

    @property
    def shown(self) -> str:
        """What the tables call it."""
        return self.title or self.name


_SLIDES: dict[str, Any] = {"residual": "none"}
"""The network as we reconstruct it from the slides. Arms that are named after it say so themselves, so that no setting
which arms share can make them another one."""


def _baseline(method: str, title: str) -> Arm:
    return Arm(
        name=method,
        title=title,
        tables=["methods"],
        against=["rwsc", "half_weights", "product"],
        set={"method": method},
    )


def _without(weight: str, name: str, title: str) -> Arm:
    return Arm(name=name, title=title, tables=["losses"], set={"network": _SLIDES, "loss": {weight: 0.0}})


ARMS: tuple[Arm, ...] = (
    Arm(
        name="rwsc",
        title="RWSC-Fusion",
        tables=["edge_attention", "region", "losses", "methods"],
        set={"network": _SLIDES},
    ),
    Arm(
        name="no_ea",
        title="without edge attention",
        tables=["edge_attention"],
        against=["rwsc"],
        set={"network": {**_SLIDES, "edge_attention": False}},
    ),
    Arm(
        name="pooled_only",
        title="mask average pooling only",
        tables=["region"],
        against=["rwsc"],
        set={"network": {**_SLIDES, "rwsc": "pooled_only"}},
    ),
    Arm(
        name="product",
        title="RWSC-Fusion on TIP (our default)",
        tables=["edge_attention", "region", "methods"],
        set={"network": {"residual": "tip"}},
    ),
    _baseline("u2fusion", "U2Fusion"),
    _baseline("fusiongan", "FusionGAN (item: intensity)"),
    _baseline("fusiongan_swapped", "FusionGAN (bag: intensity)"),
    _baseline("deepfuse", "DeepFuse"),
    _baseline("mefnet", "MEFNet"),
    Arm(
        name="half_weights",
        title="RWSC-Fusion, w1 = w2 = 0.5",
        tables=["losses", "methods"],
        set={"network": _SLIDES, "loss": {"w1": 0.5, "w2": 0.5}},
    ),
    _without("a1", "no_ll", "without LL"),
    _without("a2", "no_csd", "without CSD"),
    _without("a3", "no_recon", "without reconstruction"),
    Arm(
        name="product_no_ea",
        title="on TIP, without edge attention",
        tables=["edge_attention"],
        against=["product"],
        set={"network": {"residual": "tip", "edge_attention": False}},
    ),
    Arm(
        name="product_pooled_only",
        title="on TIP, mask average pooling only",
        tables=["region"],
        against=["product"],
        set={"network": {"residual": "tip", "rwsc": "pooled_only"}},
    ),
)
"""The whole study of the slides, the most telling arms first."""


class StudyConfig(Settings):
    """What is trained and compared: the slides' tables by default, any sweep with arms of its own."""

    items: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Item bank whose items have splits (`rwsc items split`); local or s3://. Needed without phantoms."""

    bags: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Catalogue of scans (Parquet) with the bags; local or s3://. Needed without phantoms."""

    phantoms: int = Field(default=0, ge=0, le=1_000_000)
    """Train on this many made-up pairs, and compare on others, in place of items and bags."""

    output: str = Field(json_schema_extra=ADDRESS)
    """Folder of the study; local or s3://. The same command takes up what was interrupted there, and arms and
    seeds may be added."""

    train_split: str = "train"
    """Split of items and bags that arms are trained on; a tenth of it chooses the checkpoint. Bags of a catalogue
    that states none are shared out by their group."""

    held_out_splits: list[str] = Field(default=["val", "test"], min_length=1)
    """Splits of items and bags that arms are compared on, and never see before."""

    held_out_pairs: int = Field(default=40, ge=1, le=100_000)
    """Pairs of item and bag that arms are compared on, the same for all arms and seeds."""

    pairs: SampleConfig = SampleConfig(crop_px=192, min_bag_share=0.8)
    """How these pairs are drawn; crop_px is the side of the frame."""

    pairs_seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of these pairs."""

    seeds: list[int] = Field(default=[0, 1, 2], min_length=1)
    """Seeds of the training runs of every arm; tables show mean and spread over them."""

    training: dict[str, Any] = Field(default={})
    """Settings of [train] that all arms share, such as steps, batch and sample; `rwsc train --print-config` has
    them with their meaning."""

    rwsc: dict[str, Any] = Field(default={"network": {"residual": "none"}})
    """Settings of [train] of the arms of method rwsc, on top of these; what is given stands in place of the whole
    default. residual none is the network as we reconstruct it from the slides: with a residual on the product of
    transmissions, the bag comes back by itself. The arms of the slides' tables have it, or the residual, as their
    own."""

    baselines: dict[str, Any] = Field(default={})
    """Settings of [train] of the arms of the other methods, such as {network = {width_divisor = 4}}."""

    arms: list[Arm] = Field(default=list(ARMS), min_length=1)
    """What is trained, in this order, each with every seed; the slides' tables by default."""

    engines: list[EngineName] = Field(default=["average", "minimum", "tip", "alpha"])
    """Ways to fuse without training, shown in the table of methods."""

    pictures: int = Field(default=4, ge=0, le=32)
    """Pairs shown in each figure."""

    runs_at_once: int = Field(default=1, ge=1, json_schema_extra=SPEED)
    """Training runs side by side at most, each with its own workers; fewer where machine or cluster holds fewer."""

    @property
    def untrained(self) -> list[str]:
        """What is shown beside the arms: engines, and of phantoms the true scan."""
        return [*self.engines, *([TRUTH] if self.phantoms else [])]

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        if twice := [seed for seed, count in Counter(self.seeds).items() if count > 1]:
            raise ValueError(f"the seed {twice[0]} is there twice")
        if self.train_split in self.held_out_splits:
            raise ValueError(f"split {self.train_split!r} is both trained on and held out")
        if self.phantoms and (self.items or self.bags):
            raise ValueError("phantoms stand in place of items and bags: give one or the other")
        if self.pairs.empty_share:
            raise ValueError("pairs.empty_share must be 0: there is nothing to compare without an item")
        return self

    @field_validator("arms")
    @classmethod
    def _named_apart(cls, arms: list[Arm]) -> list[Arm]:
        names = [arm.name for arm in arms]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise ValueError(f"the arm {twice[0]!r} is there twice")
        if engines := set(names) & {*get_args(EngineName), TRUTH}:
            raise ValueError(f"the arm {min(engines)!r} has the name of an engine")
        for arm in arms:
            if arm.name in arm.against:
                raise ValueError(f"arm {arm.name!r} is against itself")
            for other in arm.against:
                if other not in names:
                    meant = suggestion(other, names)
                    raise ValueError(f"arm {arm.name!r} is against {other!r}, which is no arm{meant}")
        return arms


def runs_of(study: StudyConfig) -> Iterator[tuple[Arm, int]]:
    """Give every arm with every seed, in the order in which they are trained."""
    for arm in study.arms:
        for seed in study.seeds:
            yield arm, seed


def run_name(arm: Arm, seed: int) -> str:
    """Name the run of an arm and a seed, as its folder is named."""
    return f"{arm.name}-{seed}"


def train_config(study: StudyConfig, arm: Arm, seed: int) -> TrainConfig:
    """Give the settings of one training run.

    Args:
        study: The study.
        arm: One of its arms.
        seed: One of its seeds.

    Returns:
        Checked settings; the run's folder lies in the study's.

    Raises:
        ConfigError: A setting of the arm, or one that arms share, is unknown or does not fit.
    """
    own = _nested(arm.set)
    method = own.get("method", "rwsc")
    values = study.rwsc if method == "rwsc" else study.baselines
    common = _merged(_nested(study.training), _nested(values))
    if (common | own).get("start_from"):  # its network is that of the weights, whatever the other arms have
        common = {name: value for name, value in common.items() if name not in ("network", "size")}
    merged = _merged(common, own)
    if fixed := sorted(merged.keys() & set(_SET_BY_THE_STUDY)):
        raise ConfigError(
            f"{SECTION}: arm {arm.name!r} sets {fixed[0]}, which is the study's",
            remedy=f"set it in [{SECTION}] itself; seeds are its seeds, and output its folder",
        )
    shared = {
        "output": f"{study.output}/runs/{run_name(arm, seed)}",
        "seed": seed,
        "phantoms": study.phantoms,
        "items": study.items,
        "bags": study.bags,
        "split": None if study.phantoms else study.train_split,
    }
    return load_settings(
        TrainConfig, section=f"{SECTION} (arm {arm.name!r}) train", overrides={**merged, **shared}
    )


def check_arms(study: StudyConfig) -> None:
    """Refuse before any training what an arm asks for in vain.

    Args:
        study: The study.

    Raises:
        ConfigError: See `train_config`; or there are neither phantoms nor items and bags; or two arms have one title.
    """
    if not study.phantoms and not (study.items and study.bags):
        raise ConfigError(
            f"{SECTION} has neither phantoms nor items and bags",
            remedy=f"set items and bags in [{SECTION}], or phantoms = 200 to do without data",
        )
    _refuse_one_title(study)
    for arm in study.arms:
        train_config(study, arm, study.seeds[0])


def _refuse_one_title(study: StudyConfig) -> None:
    """Refuse two arms, or an arm and an engine of its table, that tables and figures would call the same."""
    titles = [arm.shown for arm in study.arms]
    if any(table in arm.tables for arm in study.arms for table in ("region", "methods")):
        titles += set(study.untrained)
    if twice := [title for title, count in Counter(titles).items() if count > 1]:
        raise ConfigError(
            f"{SECTION}: {twice[0]!r} is the title of more than one arm or engine",
            remedy="give every arm a title of its own, or none, so that its name stands there",
        )


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted names into nested tables."""
    whole: dict[str, Any] = {}
    for name, value in values.items():
        inner = _nested(value) if isinstance(value, Mapping) else value
        for part in reversed(name.split(".")):
            inner = {part: inner}
        whole = _merged(whole, inner)
    return whole


def _merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Lay nested tables over others."""
    merged = dict(lower)
    for name, value in upper.items():
        below = merged.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[name] = _merged(below, value)
        else:
            merged[name] = value
    return merged
