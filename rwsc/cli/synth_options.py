"""Options that plan and make a corpus, which ``rwsc plan`` and ``rwsc synth`` share."""

from typing import Annotated, Any

import typer

from rwsc.cli.options import parse_range

NumImages = Annotated[int | None, typer.Option(metavar="N", help="Images to make.")]
Engine = Annotated[
    str | None,
    typer.Option(
        help="Way to fuse: rwsc, tip, tip_gray, tip_hsv, tip_material, tip_calibrated, tip_dual, "
        "alpha or poisson."
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Weights (.safetensors), or a training run's folder; without, those that come with rwsc.",
    ),
]
ItemsPerBag = Annotated[str | None, typer.Option(metavar="N|N-M", help="Items per image, for example 1-3.")]
ImageLayout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="How images are stored: files, or one object a shard, parquet (Hugging Face) or webdataset (tar).",
    ),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda.")]
Split = Annotated[str | None, typer.Option(help="Use only bags and items of this split.")]


def with_placement(flags: dict[str, Any], items_per_bag: str | None) -> dict[str, Any]:
    """Add what ``--items-per-bag`` says to flags by field name.

    Args:
        flags: Values from the command line by field name.
        items_per_bag: What the user typed.

    Returns:
        Flags for `rwsc.cli.options.settings_from`.

    Raises:
        ConfigError: It is neither a number nor a range.
    """
    fewest, most = parse_range(items_per_bag)
    return {**flags, "placement.items_min": fewest, "placement.items_max": most}
