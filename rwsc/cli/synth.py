"""``rwsc synth``."""

from typing import TYPE_CHECKING, Annotated

import typer

from rwsc.cli.options import (
    Bags,
    ConfigFile,
    Items,
    Output,
    PrintConfig,
    Seed,
    Workers,
    settings_from,
)
from rwsc.cli.stdout import keep_for_data
from rwsc.cli.synth_options import (
    Device,
    Engine,
    ImageLayout,
    ItemsPerBag,
    NumImages,
    Split,
    Weights,
    with_placement,
)

if TYPE_CHECKING:
    from rwsc.corpus.limit import FailureLimit
    from rwsc.corpus.settings import SynthConfig


def synth(
    items: Items = None,
    bags: Bags = None,
    output: Output = None,
    num_images: NumImages = None,
    engine: Engine = None,
    weights: Weights = None,
    seed: Seed = None,
    workers: Workers = None,
    items_per_bag: ItemsPerBag = None,
    device: Device = None,
    layout: ImageLayout = None,
    split: Split = None,
    extend: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=100_000_000,
            help="Make N images more: than --num-images, with which the corpus was made, so that the same command "
            "again adds nothing; or, without that, than the finished corpus has. What is there stays as it is.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also try images again that failed; rejected ones not.")
    ] = False,
    max_failed: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%",
            help="End with exit code 1 as soon as more than N images, or P % of those planned, failed.",
        ),
    ] = None,
    max_drift: Annotated[
        float | None,
        typer.Option(
            metavar="NEPERS",
            min=0,
            help="End with exit code 1 as soon as the attenuation in images that this call makes is further than this "
            "from that in their bags: the drift of rwsc report, by a few images of each shard. 0.15 is much.",
        ),
    ] = None,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Put items into bags and write an annotated corpus; the same command resumes.

    Writes images, manifest, markers and a COCO file to OUT, and prints the address of the COCO file. Every
    planned image is one row of the manifest, whatever became of it.
    """
    from rwsc.corpus.limit import FailureLimit
    from rwsc.corpus.settings import SynthConfig

    settings = settings_from(
        SynthConfig,
        "synth",
        file=config,
        flags=with_placement(
            {
                "items": items,
                "bags": bags,
                "output": output,
                "num_images": num_images,
                "engine": engine,
                "weights": weights,
                "seed": seed,
                "workers": workers,
                "device": device,
                "layout": layout,
                "split": split,
            },
            items_per_bag,
        ),
        print_only=print_config,
    )
    limit = None if max_failed is None else FailureLimit.parse(max_failed)
    _make(settings, limit, max_drift, extend=extend, retry_failed=retry_failed)


def _make(
    settings: "SynthConfig",
    limit: "FailureLimit | None",
    max_drift: float | None,
    *,
    extend: int | None,
    retry_failed: bool,
) -> None:
    from rwsc.corpus.coco import COCO_KEY
    from rwsc.runs.limits import RunStopped
    from rwsc.runs.synthesize import synthesize
    from rwsc.runs.talk import say
    from rwsc.storage.prefix import Prefix

    data = keep_for_data()
    try:
        totals = synthesize(
            settings, extend=extend, retry_failed=retry_failed, max_failed=limit, max_drift=max_drift
        )
    except RunStopped as error:
        say(f"error: {error.message}\ntry:   {error.remedy}")
        raise typer.Exit(1) from None
    say(
        f"{totals.planned:,} planned: {totals.made:,} made with {totals.objects:,} objects, "
        f"{totals.rejected:,} rejected, {totals.failed:,} failed"
    )
    if set(totals.roles) != {"positive"} or totals.distractors:
        made = [
            f"{fates['made']:,} of {sum(fates.values()):,} {role}" for role, fates in totals.roles.items()
        ]
        say(f"  made: {', '.join(made)}; with {totals.distractors:,} harmless things")
    for level, items in totals.occlusion.items():
        wanted = f", wanted for {items['wanted']:,} and met for {items['met']:,}" if items["wanted"] else ""
        say(f"  {items['items']:,} items of occlusion level {level}{wanted}")
    for reason, number in list(totals.reasons.items())[:5]:
        say(f"  {number:,} x {reason}")
    data.write(Prefix(settings.output).uri_of(COCO_KEY) + "\n")
    if not totals.made:
        say("error: no image was made")
        raise typer.Exit(1)
    if limit is not None and totals.failed > limit.images_of(totals.planned):
        say(f"error: {totals.failed:,} images failed, more than --max-failed {limit} bears")
        raise typer.Exit(1)
