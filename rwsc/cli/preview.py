"""``rwsc preview``."""

import sys
from typing import Annotated

import typer

from rwsc.cli.options import Overwrite
from rwsc.errors import ConfigError


def preview(
    corpus: Annotated[
        str, typer.Argument(metavar="CORPUS", help="A corpus made by rwsc synth; local or s3://.")
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="SHEET.png", help="Where the sheet goes.")],
    num_images: Annotated[int, typer.Option(min=1, max=500, help="Images to show.")] = 12,
    engines: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Draw the same plan with these engines side by side, and where items lie."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Weights for the engine rwsc; otherwise those of the corpus."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw a contact sheet: bag, item, TIP, the corpus' image, boxes; or several engines side by side.

    With --engines each image is drawn with its labels, and around what was put into it as the bag alone and as
    each engine makes it, over the difference; below, maps of where the items of the whole corpus lie.
    """
    from rwsc.runs.preview import write_comparison, write_preview
    from rwsc.runs.talk import say
    from rwsc.storage.prefix import absolute_uri

    if weights is not None and engines is None:
        raise ConfigError(
            "--weights without --engines changes nothing", remedy="name engines, or leave it out"
        )
    if engines is None:
        shown = write_preview(corpus, output, num_images=num_images, overwrite=overwrite)
    else:
        names = [name.strip() for name in engines.split(",") if name.strip()]
        shown = write_comparison(
            corpus, output, engines=names, weights=weights, num_images=num_images, overwrite=overwrite
        )
    say(f"{shown} images shown")
    sys.stdout.write(absolute_uri(output) + "\n")
