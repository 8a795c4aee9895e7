"""``rwsc items``."""

import sys
from typing import Annotated

import typer

from rwsc.cli.options import ConfigFile, Output, Overwrite, PrintConfig, settings_from
from rwsc.cli.summaries import say_counts

app = typer.Typer(help="The item bank: prohibited items cut out of annotated scans.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("build", epilog="Example: rwsc items build catalogue.parquet -o items")
def build(
    catalogue: Annotated[
        str | None, typer.Argument(metavar="CATALOGUE", help="Catalogue of annotated scans; local or s3://.")
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Cut the items out of annotated scans; each annotated object becomes a row, accepted or with a reason."""
    from rwsc.items.settings import BuildConfig

    settings = settings_from(
        BuildConfig,
        "items",
        file=config,
        flags={"catalogue": catalogue, "output": output},
        print_only=print_config,
    )
    from rwsc.items.bank import bank_uri
    from rwsc.items.build import build_items

    summary = build_items(settings.catalogue, settings.output, settings, overwrite=overwrite)
    say_counts("objects", summary.by_status)
    for label, counts in sorted(summary.by_class.items()):
        say_counts(f"  {label}", counts)
    say_counts("reasons", summary.by_reason)
    sys.stdout.write(bank_uri(settings.output) + "\n")
