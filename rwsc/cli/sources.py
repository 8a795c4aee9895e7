"""``rwsc sources``."""

import sys
from typing import Annotated

import typer

from rwsc.cli.options import ConfigFile, Output, Overwrite, PrintConfig, settings_from
from rwsc.cli.summaries import say_counts

app = typer.Typer(help="Scan archives: index them into a catalogue.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("index", epilog="Example: rwsc sources index scans -o catalogue.parquet")
def index(
    source: Annotated[
        str | None, typer.Argument(metavar="PATH", help="Folder of images, or COCO file; local or s3://.")
    ] = None,
    output: Output = None,
    layout: Annotated[
        str | None, typer.Option(metavar="NAME", help="coco or folder; recognised if not given.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Name of the dataset where images state none.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the scans where they state none.")] = None,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Read every image once and write a catalogue: a row per image, also for those that cannot be used."""
    from rwsc.sources.settings import IndexConfig

    settings = settings_from(
        IndexConfig,
        "index",
        file=config,
        flags={"source": source, "output": output, "layout": layout, "dataset": dataset, "licence": licence},
        print_only=print_config,
    )
    from rwsc.sources.index import index_to_catalogue
    from rwsc.storage.prefix import absolute_uri

    summary = index_to_catalogue(
        settings.source,
        settings.output,
        layout=settings.layout,
        dataset=settings.dataset,
        licence=settings.licence,
        max_workers=settings.workers,
        overwrite=overwrite,
    )
    say_counts("scans", summary.by_status)
    say_counts("kinds", summary.by_kind)
    say_counts("objects", summary.by_class)
    say_counts("of them with a mask", summary.masks_by_class)
    say_counts("flags", summary.by_flag)
    say_counts("annotations dropped", summary.dropped)
    for problem in summary.problems:
        sys.stderr.write(f"  {problem}\n")
    sys.stdout.write(absolute_uri(settings.output) + "\n")
