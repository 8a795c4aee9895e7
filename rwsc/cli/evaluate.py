"""``rwsc evaluate``."""

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from rwsc.cli.options import Bags, ConfigFile, Items, Output, PrintConfig, settings_from
from rwsc.cli.stdout import keep_for_data
from rwsc.errors import ConfigError

if TYPE_CHECKING:
    from rwsc.evaluation.regions import Region
    from rwsc.evaluation.triples import Triple

app = typer.Typer(help="Measure fused images.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("images", epilog="Example: rwsc evaluate images --item a.png --bag b.png --fused f.png --json")
def images(
    item: Annotated[
        str, typer.Option(metavar="A", help="The item alone, at its place in the frame; local or s3://.")
    ],
    bag: Annotated[str, typer.Option(metavar="B", help="The bag alone.")],
    fused: Annotated[str, typer.Option(metavar="F", help="Both, as an engine fused them.")],
    mask: Annotated[
        str | None, typer.Option(metavar="M", help="Where the item is: anything but black.")
    ] = None,
    region: Annotated[
        str, typer.Option(metavar="frame|mask|box", help="Pixels that count; box: the rectangle of the mask.")
    ] = "frame",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score one fused image with every fusion metric: of its grey levels and, for colour, per channel.

    8-bit images of one size. Where one of the three is grey, all are compared as grey.
    """
    from rwsc.evaluation.regions import Region
    from rwsc.evaluation.triples import read_triple

    if region not in get_args(Region):
        raise ConfigError(f"--region {region!r} is none", remedy=f"take {', '.join(get_args(Region))}")
    if region != "frame" and mask is None:
        raise ConfigError(f"--region {region} needs to know where the item is", remedy="give --mask M")
    scores = _scores(read_triple(item, bag, fused, mask_uri=mask), cast("Region", region))
    lines = [json.dumps(_to_json(scores), indent=1, allow_nan=False)] if as_json else _table(scores)
    sys.stdout.writelines(f"{line}\n" for line in lines)


@app.command(
    "tables", epilog="Example: rwsc evaluate tables --config jobs/configs/tables_phantoms.toml -o tables"
)
def tables(
    config: ConfigFile = None,
    output: Output = None,
    items: Items = None,
    bags: Bags = None,
    phantoms: Annotated[
        int | None,
        typer.Option(metavar="N", help="Train on this many made-up pairs, without items and bags."),
    ] = None,
    print_config: PrintConfig = False,
) -> None:
    """Train and compare the arms of a study: the slides' tables and figures with ours beside, or a sweep.

    Each arm is trained with each seed, and all are measured on the same held-out pairs. Writes tables.json, the
    page tables.html and figures to OUT, beside the training runs; the same command takes the study up again.
    Prints the address of the page; exits with 1 where a run diverged.
    """
    from rwsc.evaluation.study import SECTION, StudyConfig

    settings = settings_from(
        StudyConfig,
        SECTION,
        file=config,
        flags={"output": output, "items": items, "bags": bags, "phantoms": phantoms},
        print_only=print_config,
    )
    from rwsc.runs.evaluate_tables import evaluate_tables

    data = keep_for_data()
    page, num_failed = evaluate_tables(settings)
    data.write(page + "\n")
    if num_failed:
        raise typer.Exit(1)


def _scores(triple: "Triple", region: "Region") -> dict[str, dict[str, float]]:
    from dataclasses import asdict

    from rwsc.evaluation.fusion_metrics import bag_fidelity, fusion_scores
    from rwsc.evaluation.regions import region_of

    mask_HW = triple.mask_HW
    region_HW = None if mask_HW is None else region_of(mask_HW, region)
    pictures = triple.item, triple.bag, triple.fused
    scores = {"luma": asdict(fusion_scores(*pictures, channels="luma", region_HW=region_HW))}
    if triple.item.ndim == 3:
        scores["rgb"] = asdict(fusion_scores(*pictures, channels="rgb", region_HW=region_HW))
    if mask_HW is not None:
        scores["outside_mask"] = bag_fidelity(triple.bag, triple.fused, mask_HW=mask_HW)._asdict()
    return scores


def _to_json(scores: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Put what JSON can hold in the place of what it cannot."""
    return {
        part: {
            name: None if math.isnan(value) else "inf" if math.isinf(value) else value
            for name, value in values.items()
        }
        for part, values in scores.items()
    }


def _table(scores: Mapping[str, Mapping[str, float]]) -> list[str]:
    columns = [part for part in ("luma", "rgb") if part in scores]
    lines = [f"{'':<16}" + "".join(f"{part:>12}" for part in columns)]
    for name in scores["luma"]:
        lines.append(f"{name:<16}" + "".join(f"{_shown(scores[part][name]):>12}" for part in columns))
    if outside := scores.get("outside_mask"):
        lines.append("outside the mask, all channels, against the bag")
        lines += [f"{name:<16}{_shown(value):>12}" for name, value in outside.items()]
    return lines


def _shown(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.5f}"
