"""``rwsc export``."""

import sys
from typing import Annotated

import typer

from rwsc.cli.options import ConfigFile, Output, PrintConfig, Seed, settings_from
from rwsc.errors import ConfigError


def export(
    format: Annotated[
        str, typer.Argument(metavar="FORMAT", help="coco, yolo, voc, hf (Hugging Face) or webdataset.")
    ],
    corpus: Annotated[
        str | None, typer.Argument(metavar="CORPUS", help="A finished corpus of rwsc synth; local or s3://.")
    ] = None,
    output: Output = None,
    task: Annotated[
        str | None, typer.Option(metavar="detect|segment", help="yolo only: boxes, or polygons from masks.")
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Shares of train, val and test, such as 0.8,0.1,0.1; no bag and no physical item is in two of them.",
        ),
    ] = None,
    seed: Seed = None,
    negatives: Annotated[
        str | None, typer.Option(metavar="keep|drop", help="Images without any label; kept by default.")
    ] = None,
    clean_twin: Annotated[
        bool, typer.Option("--clean-twin", help="Write beside each image its bag without what was put in.")
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Keep class numbers: an earlier export's folder, or a .json or .txt list of names.",
        ),
    ] = None,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Write a corpus as COCO, YOLO, Pascal VOC, a Hugging Face dataset or WebDataset tars.

    The same command takes an interrupted export up again; a folder that holds anything else is refused. Classes keep
    their numbers in all exports of a corpus; every format says that the images are synthetic, and under which licence.
    """
    from rwsc.corpus.exports.settings import ExportConfig

    settings = settings_from(
        ExportConfig,
        "export",
        file=config,
        flags={
            "format": format,
            "corpus": corpus,
            "output": output,
            "task": task,
            "splits": _shares(splits),
            "seed": seed,
            "negatives": negatives,
            "clean_twin": clean_twin or None,
            "classes": classes,
        },
        print_only=print_config,
    )
    _write(settings)


def _write(settings: object) -> None:
    from rwsc.corpus.exports.settings import ExportConfig
    from rwsc.runs.export import export_corpus
    from rwsc.runs.talk import say
    from rwsc.storage.prefix import absolute_uri

    assert isinstance(settings, ExportConfig)
    summary = export_corpus(settings)
    images = ", ".join(f"{number:,} {split}" for split, number in summary["images"].items())
    say(
        f"{images} images, {summary['without_labels']:,} of them without labels; "
        f"{sum(summary['objects'].values()):,} objects of {len(summary['classes'])} classes; "
        f"{summary['left_out']:,} images left out"
    )
    if settings.task == "segment" and summary["objects_without_mask"]:
        say(f"  {summary['objects_without_mask']:,} objects have no mask; their polygon is their box")
    if summary["more_than_8_bits"] and settings.format in ("yolo", "voc"):
        say(f"  {summary['more_than_8_bits']:,} images have 16 bits, of which most trainers read 8")
    for split in ("train", "val"):
        if settings.format == "yolo" and split not in summary["images"]:
            say(f"  there is no {split}: data.yaml names the same images again; put yours in")
    sys.stdout.write(absolute_uri(settings.output) + "\n")


def _shares(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) != 3:
        raise ConfigError(
            f"{text!r} is no split", remedy="write the shares of train, val and test: --splits 0.8,0.1,0.1"
        )
    return shares
