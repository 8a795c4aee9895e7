"""``rwsc plan``."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rwsc.cli.options import Bags, ConfigFile, Items, Output, PrintConfig, Seed, Workers, settings_from
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
    from rwsc.corpus.settings import SynthConfig


def plan(
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; say what the corpus would hold and cost.")
    ] = False,
    sample: Annotated[
        int, typer.Option(metavar="K", min=1, max=1000, help="Images that --dry-run makes in memory.")
    ] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Plan a corpus, before anything is spent: rwsc synth with the same settings takes the plan up.

    Writes run.json and plan.parquet to OUT and prints the plan's address. With --dry-run nothing is written: a few
    images are made in memory, and images, shards, sizes, hours, classes and rejects are reckoned from them.
    """
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
    _plan(settings, sample, dry_run=dry_run, as_json=as_json)


def _plan(settings: "SynthConfig", sample: int, *, dry_run: bool, as_json: bool) -> None:
    from rwsc.runs.plan import estimate, write_corpus_plan
    from rwsc.runs.talk import say

    data = keep_for_data()
    if dry_run:
        found = estimate(settings, num_sample=sample)
        data.write(json.dumps(found, indent=1) + "\n" if as_json else _table(found))
        if not found["expected_made"]:
            say("error: none of the images that were tried could be made")
            raise typer.Exit(1)
        return
    written = write_corpus_plan(settings)
    say(f"{written['images']:,} images in {written['shards']:,} shards are planned")
    data.write(json.dumps(written, indent=1) + "\n" if as_json else f"{written['plan']}\n")


def _table(found: dict[str, Any]) -> str:
    from rwsc.runs.talk import duration

    tried, time_s = found["sample"]["images"], found["hours"] * 3600
    lines = [
        (
            "images",
            f"{found['images']:,} in {found['shards']:,} shards; about {found['expected_made']:,} made",
        ),
        ("rejected", _share(found["rejected_share"], tried)),
        ("failed", _share(found["failed_share"], tried)),
        *(("", f"{number} x {reason}") for reason, number in list(found["reasons"].items())[:5]),
        (
            "time",
            f"about {duration(time_s)} on {found['workers']} worker(s), {found['device']}; "
            f"{found['seconds_per_image'] * 1000:.0f} ms an image, measured now",
        ),
        ("GPU-hours", f"{found['gpu_hours']:.2f}"),
        *(
            (f"GB as {codec}", "cannot hold these images" if size is None else f"{size:.3f}")
            for codec, size in found["gigabytes"].items()
        ),
        *((f"class {label}", f"about {number:,}") for label, number in found["expected_objects"].items()),
        *(
            (f"occlusion {level}", f"{number} of {sum(found['occlusion_levels'].values())} items tried")
            for level, number in found["occlusion_levels"].items()
        ),
    ]
    return "".join(f"{name:<14} {text}\n" for name, text in lines)


def _share(share: dict[str, float], tried: int) -> str:
    return f"{share['mean']:.1%} of {tried} tried (with 95 % certainty {share['low']:.1%} to {share['high']:.1%})"
