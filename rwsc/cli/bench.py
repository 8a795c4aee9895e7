"""``rwsc bench``."""

import json
from typing import Annotated, Any, TextIO

import typer

from rwsc.cli.options import Output, Overwrite
from rwsc.cli.stdout import keep_for_data
from rwsc.cli.terminal import escaped_line
from rwsc.errors import ConfigError

NAMES = ("synth", "whole", "items", "truth", "probe")


def bench(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="synth: rates. whole: the rate of synth as a share of its slowest stage. items: how well items are "
            "cut out. truth: how close engines come to true scans. "
            "probe: how well a small network tells them from true scans, or from real items in scans of yours.",
        ),
    ] = "synth",
    num_images: Annotated[
        int,
        typer.Option(
            min=1,
            help="Images that each end-to-end run makes; phantoms that items are cut from, or put into; items of "
            "--catalogue that probe uses at most.",
        ),
    ] = 256,
    catalogue: Annotated[
        str | None,
        typer.Option(
            metavar="CATALOGUE",
            help="items: also compare boxes alone with the masks of these scans. probe: real items of these scans "
            "instead of phantoms. whole: bags.",
        ),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(
            metavar="ITEMS", help="probe, whole: bank of the items of --catalogue; probe builds it without."
        ),
    ] = None,
    without_groups: Annotated[
        str, typer.Option(metavar="A,B", help="items, probe: leave out scans of these groups.")
    ] = "",
    engines: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="truth, probe: only these ways to fuse, and tip; all without it. whole: one of them.",
        ),
    ] = "",
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WEIGHTS",
            help="truth, probe: also rwsc with these weights; may be repeated. whole: its weights.",
        ),
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure on made-up scans, whose truth is known: the rates of synthesis, the cutting out of items, the fusing.

    truth compares, where an item covers bag, what each engine makes with the true scan of both, on phantoms that
    no training draws. Its -o OUT.png is a picture of the first of them.
    """
    if name not in NAMES:
        raise ConfigError(f"no benchmark {name!r}", remedy=f"there are {', '.join(NAMES)}")
    data = keep_for_data()
    if name == "truth":
        from rwsc.runs.bench_truth import measure_truth

        found = measure_truth(
            num_images,
            engines=_names(engines) or None,
            weights=weights or [],
            sheet=output,
            overwrite=overwrite,
        )
    elif name == "probe":
        found = _probe(
            num_images, catalogue, items, _names(without_groups), _names(engines) or None, weights or []
        )
    elif name == "whole":
        found = _whole(num_images, catalogue, items, _names(engines), weights or [])
    else:
        found = _measure(name, num_images, catalogue, without_groups)
    if as_json:
        data.write(json.dumps(found, indent=1) + "\n")
    else:
        _TELLERS[name](found, data)


def _measure(name: str, number: int, catalogue: str | None, without_groups: str) -> dict[str, Any]:
    if name == "items":
        from rwsc.runs.bench_items import measure_items

        groups = _names(without_groups)
        if groups and catalogue is None:
            raise ConfigError("--without-groups names groups of no catalogue", remedy="add --catalogue")
        return measure_items(number, catalogue, without_groups=groups)
    from rwsc.runs.bench import measure

    return measure(number)


def _whole(
    number: int, catalogue: str | None, items: str | None, engines: list[str], weights: list[str]
) -> dict[str, Any]:
    from rwsc.runs.bench_whole import measure_whole

    if len(engines) > 1 or len(weights) > 1:
        raise ConfigError("the whole is measured with one engine and its weights", remedy="name one of each")
    return measure_whole(
        number,
        catalogue=catalogue,
        items=items,
        engine=engines[0] if engines else "rwsc",
        weights=weights[0] if weights else None,
    )


def _probe(
    number: int,
    catalogue: str | None,
    items: str | None,
    groups: list[str],
    engines: list[str] | None,
    weights: list[str],
) -> dict[str, Any]:
    from rwsc.runs.bench_probe import measure_probe, measure_probe_on_scans
    from rwsc.storage.prefix import absolute_uri

    if catalogue is not None:
        return measure_probe_on_scans(
            absolute_uri(catalogue), items, number, engines=engines, weights=weights, without_groups=groups
        )
    if groups:
        raise ConfigError("--without-groups names groups of no catalogue", remedy="add --catalogue")
    if items is not None:
        raise ConfigError(
            "--items is a bank of no catalogue", remedy="add the --catalogue that it was built from"
        )
    return measure_probe(number, engines=engines, weights=weights)


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _tell_truth(found: dict[str, Any], data: TextIO) -> None:
    data.write(
        f"{found['phantoms']} phantoms: error against the true scan where the item covers bag\n"
        "PSNR and its gain over tip in dB; MAE in grey levels of 8 bits; share of pixels whose colour says the true\n"
        "material; error of the gradient at the item's rim in grey levels per pixel; mean ± standard error\n\n"
    )
    width = max(map(len, found["engines"]))
    heads = ("PSNR", "quartiles", "gain", "MAE red", "green", "blue", "material", "rim")
    data.write(" " * width + "".join(f"{head:>15}" for head in heads) + "\n")
    for name, row in found["engines"].items():
        psnr = row["psnr_db"]
        cells = [_with_error(psnr, 1), f"{psnr['q25']:.1f}-{psnr['q75']:.1f}", _with_error(row["gain_db"], 1)]
        cells += [_with_error(row[f"mae_{colour}"], 1) for colour in ("red", "green", "blue")]
        cells += [_with_error(row["class_agreement"], 2), _with_error(row["seam"], 1)]
        data.write(f"{escaped_line(name):<{width}}" + "".join(f"{cell:>15}" for cell in cells) + "\n")
    data.write(
        "\nscanned again: the same bag and item with other noise, which no engine beats but by smoothing\n"
    )
    _tell_machine(found, data)


def _tell_probe(found: dict[str, Any], data: TextIO) -> None:
    if "bags_alone" in found:
        _tell_probe_on_scans(found, data)
        return
    data.write(
        f"{found['phantoms']} phantoms: chance that a small network scores what was made above what is true (AUC);\n"
        "0.5 where it cannot tell; mean (lowest to highest) over folds and seeds, no bag in training and test\n\n"
    )
    heads = {
        "composite": "composite or true scan",
        "matched": "the same, item matched",
        "empty": "empty insertion or bag",
    }
    _tell_aucs(found["engines"], heads, data)
    _tell_machine(found, data)


def _tell_probe_on_scans(found: dict[str, Any], data: TextIO) -> None:
    by_fold = " + ".join(map(str, found["pairs_by_fold"]))
    data.write(
        f"{found['pairs']} items ({by_fold} by fold; {found['left_out']} more would have joined folds): chance that\n"
        "a small network scores an item that was put in above the same item in its real scan (AUC); 0.5 where it\n"
        "cannot tell; mean (lowest to highest) over folds and seeds, no bag, session or physical item in two folds\n\n"
        f"bags alone, no item in sight: {_auc(found['bags_alone'])}\n"
        "Harmless bags are other bags than those with real items: no engine can be expected below that figure, and\n"
        "only what is above it can be due to the fusing. In the item's own scan the bag is the same on both sides.\n"
        "Both count where an item lies and on what, too: differences between engines tell more than the figures.\n\n"
    )
    heads = {
        "composite": "in a harmless bag",
        "matched": "the same, item matched",
        "own_scan": "in the item's own scan",
        "empty": "empty insertion or bag",
    }
    _tell_aucs(found["engines"], heads, data)
    _tell_machine(found, data)


def _tell_aucs(rows: dict[str, dict[str, Any]], heads: dict[str, str], data: TextIO) -> None:
    width = max(map(len, rows))
    data.write(" " * width + "".join(f"  {head:<24}" for head in heads.values()).rstrip() + "\n")
    for name, row in rows.items():
        cells = "".join(f"  {_auc(row[kind]):<24}" for kind in heads)
        data.write(f"{escaped_line(name):<{width}}{cells}".rstrip() + "\n")


def _auc(auc: dict[str, float] | None) -> str:
    return "" if auc is None else f"{auc['mean']:.2f} ({auc['lowest']:.2f} to {auc['highest']:.2f})"


def _with_error(spread: dict[str, float], digits: int) -> str:
    return f"{spread['mean']:.{digits}f} ± {spread['se']:.{digits}f}"


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


def _tell_whole(found: dict[str, Any], data: TextIO) -> None:
    data.write(
        f"{found['rate']} images/s on {found['workers']} worker(s), {found['device']}, over {found['images']} images, "
        f"start of Ray left out\n{found['limit']} images/s would be the limit of {found['slowest']} alone: "
        f"share {found['share']}\n\nmilliseconds of a worker per image    median  fastest  slowest\n"
    )
    for name, spread in found["stages_ms"].items():
        data.write(
            f"{name:<36} {spread['median']:>7.2f}  {spread['fastest']:>7.2f}  {spread['slowest']:>7.2f}\n"
        )
    data.write(f"{'all else: Ray, plan, commits, waiting':<36} {found['rest_ms']:>7.2f}\n")
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


_TELLERS = {
    "synth": _tell_rates,
    "whole": _tell_whole,
    "items": _tell_items,
    "truth": _tell_truth,
    "probe": _tell_probe,
}
