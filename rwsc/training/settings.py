"""Settings of a training run."""

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from rwsc.config import ADDRESS, SPEED, Settings, errors_under, suggestion
from rwsc.fusion.baselines.config import BaselineConfig, BaselineName
from rwsc.fusion.network.config import NetworkConfig, named_config
from rwsc.training.losses import LossConfig
from rwsc.training.samples import SampleConfig

_BASELINE_RATE = 1e-4
_ADAM_BETA2 = 0.999
_SMALLEST_GAN_CROP_PX = 43


class TrainConfig(Settings):
    """How a fusion network is trained. Where the slides give no value, the default is ours."""

    items: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Item bank: a Parquet file or a folder that holds items.parquet; local or s3://. Needed without phantoms."""

    bags: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Catalogue of scans (Parquet) whose bags are trained on; local or s3://. Needed without phantoms."""

    phantoms: int = Field(default=0, ge=0, le=1_000_000)
    """Train on this many made-up pairs of bag and item whose true scan is known, in place of items and bags; 0
    trains on those. They are drawn from the seed as they are needed and kept in memory. Ours, not in the slides."""

    output: str = Field(json_schema_extra=ADDRESS)
    """Folder of the run; local or s3://."""

    start_from: str | None = Field(default=None, json_schema_extra=ADDRESS)
    """Weights to start from (fine-tuning): a safetensors file with its card, a training run's folder, or default, those
    that come with rwsc. Where neither `size` nor `network` is given, the network is as those weights have it."""

    method: Literal["rwsc", BaselineName] = "rwsc"
    """What is trained: rwsc, or a baseline to compare it with, on the same samples: u2fusion, fusiongan (intensity
    of the item, gradients of the bag), fusiongan_swapped, deepfuse, mefnet. Baselines have losses of their own;
    `size` and `loss` are for rwsc alone."""

    size: Literal["tiny", "base"] = "tiny"
    """Named size of the network; `network` overrides parts of it."""

    network: dict[str, Any] = Field(default={})
    """Parts of the network that differ from the named size, for example {edge_attention = false}. A baseline is
    as wide as published; {width_divisor = 4} makes it narrower."""

    loss: LossConfig = LossConfig()
    """Weights and regime of the losses; a weight of 0 switches a loss off."""

    sample: SampleConfig = SampleConfig()
    """How training samples are drawn."""

    steps: int = Field(default=2000, ge=1)
    """Optimisation steps."""

    batch: int = Field(default=8, ge=1)
    """Samples per step over all workers together; must be a multiple of `workers`."""

    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Learning rate of the optimiser, for baselines 1e-4 unless given, as published; constant for the first half
    of the steps, then falling linearly to zero."""

    adam_beta2: float = Field(default=_ADAM_BETA2, gt=0, lt=1)
    """How long Adam remembers the size of gradients (its second beta); u2fusion learns without Adam. 0.98 follows
    sudden growth sooner than 0.999, and is stable at rates at which that diverges after a thousand steps."""

    clip_norm: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Largest norm of the gradient; a larger one is scaled down to it."""

    precision: Literal["float32", "bf16"] = "float32"
    """bf16 runs the network in mixed precision (bfloat16 autocast); losses, and the second pass of the loss
    autoencode, stay in float32."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the run: of the first weights and of every sample."""

    validation_samples: int = Field(default=32, ge=1)
    """Held-out samples, drawn once from held-out bags and items where there are enough of them."""

    bag_kinds: list[Literal["benign", "threat", "isolated"]] = Field(default=["benign"], min_length=1)
    """Kinds of scans that serve as bags."""

    split: str | None = None
    """Use only bags and items of this split; None uses all. Bags of a catalogue in which none states a split are
    shared out by their content: 70 % train, 15 % val, 15 % test."""

    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between checkpoints; each is preceded by a validation pass."""

    report_every: int = Field(default=50, ge=1, json_schema_extra=SPEED)
    """Steps between lines in the terminal, metrics.jsonl and TensorBoard."""

    workers: int = Field(default=1, ge=1)
    """Training processes. It can change the last digits of the weights (order of summation), so it counts."""

    threads: int | None = Field(default=None, ge=1, le=1024, json_schema_extra=SPEED)
    """Threads of each worker on CPU; None shares the machine's cores out among the workers."""

    use_gpu: bool | None = Field(default=None, json_schema_extra=SPEED)
    """One GPU per worker; None takes GPUs when the cluster has enough of them."""

    max_failures: int = Field(default=3, ge=0, json_schema_extra=SPEED)
    """How often a lost worker is replaced before the run gives up."""

    cache_mib: int = Field(default=1024, ge=4, json_schema_extra=SPEED)
    """Memory per worker for decoded bags, in MiB; a quarter of it is for validation."""

    @model_validator(mode="before")
    @classmethod
    def _published_rate(cls, values: Any) -> Any:  # noqa: ANN401 - whatever was given
        if isinstance(values, dict) and values.get("method", "rwsc") != "rwsc":
            return {"learning_rate": _BASELINE_RATE, **values}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "TrainConfig":
        if self.phantoms and (self.items or self.bags):
            raise ValueError(
                f"phantoms {self.phantoms} train in place of items and bags: give one or the other"
            )
        if self.loss.truth and not self.phantoms:
            raise ValueError(f"loss.truth {self.loss.truth:g} needs the truth: set phantoms as well")
        if self.validation_samples < self.workers:
            raise ValueError(
                f"validation_samples {self.validation_samples} is less than workers {self.workers}"
            )
        if self.batch % self.workers:
            raise ValueError(f"batch {self.batch} is not a multiple of workers {self.workers}")
        self._check_baseline()
        try:
            self.network_config()
        except ValidationError as error:
            raise errors_under("network", error) from None
        return self

    def _check_baseline(self) -> None:
        if self.method != "rwsc" and self.loss.truth:
            raise ValueError(
                f"loss.truth {self.loss.truth:g} is for rwsc alone: {self.method} knows no truth"
            )
        if self.method == "u2fusion" and self.adam_beta2 != _ADAM_BETA2:
            raise ValueError(f"adam_beta2 {self.adam_beta2:g}: u2fusion learns with RMSProp, as published")
        if not self.method.startswith("fusiongan"):
            return
        if self.workers > 1:
            raise ValueError(
                f"workers {self.workers}: {self.method} normalises over the batch and trains on one worker"
            )
        if self.sample.crop_px < _SMALLEST_GAN_CROP_PX:
            raise ValueError(
                f"sample.crop_px {self.sample.crop_px}: the discriminator of {self.method} needs"
                f" {_SMALLEST_GAN_CROP_PX} or more"
            )

    def network_config(self) -> NetworkConfig | BaselineConfig:
        """Give the network's settings: the named size, or the method, with the parts that `network` overrides."""
        kind = NetworkConfig if self.method == "rwsc" else BaselineConfig
        fields = kind.model_fields.keys() - {"method"}
        unknown = sorted(self.network.keys() - fields)
        if unknown:
            known = [name for name in kind.model_fields if name in fields]
            meant = suggestion(unknown[0], known)
            raise ValueError(
                f"unknown setting network.{unknown[0]}{meant}; settings there are {', '.join(known)}"
            )
        if self.method == "rwsc":
            return named_config(self.size, **self.network)
        return BaselineConfig(method=self.method, **self.network)
