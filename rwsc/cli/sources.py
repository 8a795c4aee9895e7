"""``rwsc sources``."""

import json
import sys
from typing import Annotated

import typer

from rwsc.cli.options import ConfigFile, Output, Overwrite, PrintConfig, Workers, settings_from
from rwsc.cli.stdout import keep_for_data
from rwsc.cli.summaries import say_counts
from rwsc.cli.terminal import escaped_line

app = typer.Typer(
    help="Scan archives: what is known of them, what is in them, and their catalogue.", no_args_is_help=True
)

Source = Annotated[
    str | None,
    typer.Argument(metavar="PATH", help="Folder of scans, or COCO JSON or Parquet file; local or s3://."),
]
Layout = Annotated[
    str | None, typer.Option(metavar="NAME", help="Layout of the source; recognised if not given.")
]
Dataset = Annotated[str | None, typer.Option(help="Name of the dataset where images state none.")]
Taxonomy = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.toml", help='Class names and what they stand for; "none" keeps all as stated.'
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _group() -> None:
    pass


@app.command("list", epilog="Example: rwsc sources list")
def list_datasets(as_json: AsJson = False) -> None:
    """Print what is known of public datasets: layout, classes, published counts, licence."""
    from dataclasses import asdict

    from rwsc.cli.source_report import dataset_lines
    from rwsc.sources.known import known_datasets

    known = [asdict(dataset) for dataset in known_datasets()]
    lines = [json.dumps(known, indent=1)] if as_json else dataset_lines(known)
    sys.stdout.writelines(f"{line}\n" for line in lines)


@app.command("check", epilog="Example: rwsc sources check SIXray")
def check(
    source: Annotated[
        str,
        typer.Argument(metavar="PATH", help="Folder of scans, or COCO JSON or Parquet file; local or s3://."),
    ],
    layout: Layout = None,
    dataset: Dataset = None,
    taxonomy: Taxonomy = None,
    as_json: AsJson = False,
) -> None:
    """Look a source over: its layout, classes and sizes, what is missing, what is surprising.

    Reads all annotations, and the headers of an even sample of the images; no pixel.
    """
    from rwsc.cli.source_report import report_lines
    from rwsc.sources.check import check_source
    from rwsc.sources.taxonomy import load_taxonomy

    report = check_source(source, layout=layout, dataset=dataset, taxonomy=load_taxonomy(taxonomy)).to_dict()
    lines = [json.dumps(report, indent=1)] if as_json else report_lines(report)
    sys.stdout.writelines(f"{line}\n" for line in lines)


@app.command("index", epilog="Example: rwsc sources index scans -o catalogue.parquet")
def index(
    source: Source = None,
    output: Output = None,
    layout: Layout = None,
    dataset: Dataset = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the scans where they state none.")] = None,
    taxonomy: Taxonomy = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Read every image once and write a catalogue: a row per image, also for those that cannot be used.

    More than 2,000 images, or --workers, use Ray; the same command takes an interrupted run up again.
    """
    from rwsc.sources.settings import IndexConfig

    settings = settings_from(
        IndexConfig,
        "index",
        file=config,
        flags={
            "source": source,
            "output": output,
            "layout": layout,
            "dataset": dataset,
            "licence": licence,
            "taxonomy": taxonomy,
            "workers": workers,
        },
        print_only=print_config,
    )
    from rwsc.runs.index import run_index
    from rwsc.storage.prefix import absolute_uri

    data = keep_for_data()
    summary = run_index(settings, overwrite=overwrite)
    say_counts("scans", summary.by_status)
    say_counts("kinds", summary.by_kind)
    say_counts("modalities", summary.by_modality)
    say_counts("splits", summary.by_split)
    say_counts("licences", summary.by_licence)
    say_counts("objects", summary.by_class)
    say_counts("of them with a mask", summary.masks_by_class)
    say_counts("not in the taxonomy", summary.unknown_classes)
    say_counts("flags", summary.by_flag)
    say_counts("dropped", summary.dropped)
    for problem in summary.problems:
        sys.stderr.write(f"  {escaped_line(problem)}\n")
    data.write(absolute_uri(settings.output) + "\n")
