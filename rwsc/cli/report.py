"""``rwsc report``."""

import json
from typing import Annotated

import typer

from rwsc.cli.options import Output, Overwrite
from rwsc.cli.stdout import keep_for_data
from rwsc.cli.terminal import escaped_line
from rwsc.errors import ConfigError


def report(
    corpus: Annotated[
        str, typer.Argument(metavar="CORPUS", help="A corpus made by rwsc synth; local or s3://.")
    ],
    output: Output = None,
    sample: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Images held against their bags, spread evenly over the corpus."
        ),
    ] = 200,
    max_drift: Annotated[
        float,
        typer.Option(
            metavar="NEPERS",
            min=0,
            help="Drift of attenuation against the bags that is still taken for good.",
        ),
    ] = 0.15,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Write one page about a corpus: counts, checks, drift, where items lie, samples with their labels.

    The page needs no network. Prints its address, or JSON; exit code 1 when a check is not good.
    """
    from rwsc.runs.report import write_report
    from rwsc.storage.prefix import absolute_uri

    if output is None:
        raise ConfigError("no file is given to write to", remedy="give -o report.html")
    data = keep_for_data()
    found = write_report(corpus, output, sample=sample, max_drift_nepers=max_drift, overwrite=overwrite)
    data.write((json.dumps(found, indent=1) if as_json else absolute_uri(output)) + "\n")
    bad = [(name, check["found"]) for name, check in found["checks"].items() if not check["ok"]]
    for name, text in bad:
        typer.echo(escaped_line(f"look here: {name}: {text}"), err=True)
    if bad:
        raise typer.Exit(1)
