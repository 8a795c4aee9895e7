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
    parse_range,
    settings_from,
)
from rwsc.cli.stdout import keep_for_data

if TYPE_CHECKING:
    from rwsc.corpus.limit import FailureLimit
    from rwsc.corpus.settings import SynthConfig


def synth(
    items: Items = None,
    bags: Bags = None,
    output: Output = None,
    num_images: Annotated[int | None, typer.Option(metavar="N", help="Images to make.")] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="Way to fuse: rwsc, tip, tip_gray, tip_hsv, tip_material, tip_calibrated, tip_dual, "
            "alpha or poisson."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Weights (.safetensors), or a training run's folder; without, those that come with rwsc.",
        ),
    ] = None,
    seed: Seed = None,
    workers: Workers = None,
    items_per_bag: Annotated[
        str | None, typer.Option(metavar="N|N-M", help="Items per image, for example 1-3.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    split: Annotated[str | None, typer.Option(help="Use only bags and items of this split.")] = None,
    extend: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=100_000_000,
            help="Make N images more than --num-images, with which the corpus was made (without that, than the "
            "finished corpus has). What is there stays as it is; the same command again adds nothing.",
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
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Put items into bags and write an annotated corpus; the same command resumes.

    Writes images, manifest, markers and a COCO file to OUT, and prints the address of the COCO file. Every
    planned image is one row of the manifest, whatever became of it.
    """
    from rwsc.corpus.limit import FailureLimit
    from rwsc.corpus.settings import SynthConfig

    fewest, most = parse_range(items_per_bag)
    settings = settings_from(
        SynthConfig,
        "synth",
        file=config,
        flags={
            "items": items,
            "bags": bags,
            "output": output,
            "num_images": num_images,
            "engine": engine,
            "weights": weights,
            "seed": seed,
            "workers": workers,
            "device": device,
            "split": split,
            "placement.items_min": fewest,
            "placement.items_max": most,
        },
        print_only=print_config,
    )
    limit = None if max_failed is None else FailureLimit.parse(max_failed)
    _make(settings, limit, extend=extend, retry_failed=retry_failed)


def _make(
    settings: "SynthConfig", limit: "FailureLimit | None", *, extend: int | None, retry_failed: bool
) -> None:
    from rwsc.corpus.coco import COCO_KEY
    from rwsc.runs.synthesize import TooManyFailed, synthesize
    from rwsc.runs.talk import say
    from rwsc.storage.prefix import Prefix

    data = keep_for_data()
    try:
        totals = synthesize(settings, extend=extend, retry_failed=retry_failed, max_failed=limit)
    except TooManyFailed as error:
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
