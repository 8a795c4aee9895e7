"""``rwsc evaluate``."""

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

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
