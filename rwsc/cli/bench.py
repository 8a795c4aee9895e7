"""``rwsc bench``."""

import json
from typing import Annotated, Any, TextIO

import typer

from rwsc.cli.stdout import keep_for_data
from rwsc.cli.terminal import escaped_line
from rwsc.errors import ConfigError

NAMES = ("synth", "items")


def bench(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="synth: rates. items: how well items are cut out.")
    ] = "synth",
    num_images: Annotated[
        int,
        typer.Option(min=1, help="Images that each end-to-end run makes; phantoms that items are cut from."),
    ] = 256,
    catalogue: Annotated[
        str | None,
        typer.Option(
            metavar="CATALOGUE", help="items: also compare boxes alone with the masks of these scans."
        ),
    ] = None,
    without_groups: Annotated[
        str, typer.Option(metavar="A,B", help="items: leave out scans of these groups.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure on made-up scans: the rates of synthesis, or how well items are cut out where the truth is known."""
    if name not in NAMES:
        raise ConfigError(f"no benchmark {name!r}", remedy=f"there are {' and '.join(NAMES)}")
    data = keep_for_data()
    found = _measure(name, num_images, catalogue, without_groups)
    if as_json:
        data.write(json.dumps(found, indent=1) + "\n")
    elif name == "items":
        _tell_items(found, data)
    else:
        _tell_rates(found, data)


def _measure(name: str, number: int, catalogue: str | None, without_groups: str) -> dict[str, Any]:
    if name == "items":
        from rwsc.runs.bench_items import measure_items

        groups = [group for text in without_groups.split(",") if (group := text.strip())]
        if groups and catalogue is None:
            raise ConfigError("--without-groups names groups of no catalogue", remedy="add --catalogue")
        return measure_items(number, catalogue, without_groups=groups)
    from rwsc.runs.bench import measure

    return measure(number)


def _tell_rates(found: dict[str, Any], data: TextIO) -> None:
    data.write("milliseconds per image      median  fastest  slowest\n")
    for name, spread in found["stages_ms"].items():
        data.write(
            f"{name:<26} {spread['median']:>7.2f}  {spread['fastest']:>7.2f}  {spread['slowest']:>7.2f}\n"
        )
    for engine, rates in found["end_to_end"].items():
        for name, rate in rates.items():
            data.write(f"{engine:<5} {name}: {rate}\n")
    _tell_machine(found, data)


def _tell_items(found: dict[str, Any], data: TextIO) -> None:
    phantoms = found["phantoms"]
    _tell_table(
        "phantoms, from loose boxes",
        {"all": phantoms["all"]} | phantoms["by_density"] | phantoms["by_class"],
        data,
    )
    data.write(f"confidence ranks good above bad (AUC): {_shown(phantoms['confidence_auc'])}\n\n")
    if (scans := found.get("scans")) is not None:
        _tell_table(
            "masked scans, from boxes",
            {"all": scans["all"]} | scans["by_method"] | scans["by_class"],
            data,
        )
        data.write(f"confidence ranks fair above bad (AUC): {_shown(scans['confidence_auc'])}\nworst\n")
        for worst in scans["worst"]:
            fate = worst["reason"] or "accepted"
            line = f"  IoU {worst['iou']:.2f}  {worst['label']}  {worst['uri']}  {fate}"
            data.write(escaped_line(line) + "\n")
    _tell_machine(found, data)


def _tell_table(title: str, rows: dict[str, dict[str, float | None]], data: TextIO) -> None:
    names = list(next(iter(rows.values())))
    for name in names:
        data.write(f"{'':<28}{'| ' * names.index(name)}{name.replace('_', ' ')}\n")
    data.write(f"{title}\n")
    for label, row in rows.items():
        data.write(
            f"  {escaped_line(label)[:24]:<26}" + "  ".join(_shown(row[name]) for name in names) + "\n"
        )


def _shown(value: float | None) -> str:
    if value is None:
        return "unknown"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _tell_machine(found: dict[str, Any], data: TextIO) -> None:
    data.write(", ".join(f"{name} {value}" for name, value in found["machine"].items()) + "\n")
