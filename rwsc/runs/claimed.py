"""What a run begins with: complete settings, a folder that is its own, and its plan there."""

from dataclasses import dataclass

import pyarrow as pa

from rwsc.corpus.claim import claim_corpus
from rwsc.corpus.plan import PlanSettings, plan_parts, plan_stamp
from rwsc.corpus.plan_store import StoredPlan, write_plan
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ObjectMissing, SourceError
from rwsc.runs.priors import with_priors
from rwsc.runs.synth_inputs import SynthInputs, read_inputs, with_whole_addresses
from rwsc.storage.prefix import Prefix


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A folder that belongs to a run, with its plan."""

    inputs: SynthInputs
    plan: StoredPlan
    images_before: int
    """Images that the corpus had planned before; fewer than the plan has where it grows."""


def prepared(config: SynthConfig) -> SynthConfig:
    """Give settings with complete addresses, and with what they name read."""
    return with_priors(with_whole_addresses(config))


def claim_and_plan(config: SynthConfig, *, may_grow: bool = False) -> Claimed:
    """Check the inputs of a run, mark its folder as its own and write its plan there.

    Args:
        config: Settings that `prepared` gave.
        may_grow: Whether a corpus of fewer images becomes one of as many as the settings say.

    Returns:
        Inputs and plan; those of the folder where it belongs to the run already.

    Raises:
        RwscError: Inputs, folder or weights do not fit.
    """
    corpus = Prefix(config.output)
    corpus.check_writable()
    inputs = read_inputs(config)
    images_before = claim_corpus(corpus, inputs.card, may_grow=may_grow)
    plan = settle_plan(corpus, config, inputs.bags)
    return Claimed(inputs=inputs, plan=plan, images_before=images_before)


def settle_plan(corpus: Prefix, config: SynthConfig, bags: pa.Table) -> StoredPlan:
    """Write the plan of a corpus, unless it is there and nothing of it has changed, and open it.

    Args:
        corpus: The corpus.
        config: Its settings.
        bags: Those of `read_inputs`.

    Returns:
        The plan. Where bags have moved since it was written, it is a new one of the same images.

    Raises:
        StorageError: It cannot be written.
    """
    asked = asked_plan(config)
    stamp = plan_stamp(bags, asked)
    try:
        plan = StoredPlan(corpus)
    except (ObjectMissing, SourceError):
        plan = None
    if plan is None or plan.stamp != stamp:
        write_plan(corpus, plan_parts(bags, asked), stamp=stamp)
        plan = StoredPlan(corpus)
    return plan


def asked_plan(config: SynthConfig) -> PlanSettings:
    """Give what the settings of a run ask of its plan."""
    return PlanSettings(
        num_images=config.num_images,
        seed=config.seed,
        shard_images=config.shard_images,
        controls=config.controls,
        paired=bool(config.paired_views),
    )
