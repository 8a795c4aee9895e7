"""``rwsc preview``."""

import sys
from typing import Annotated

import typer

from rwsc.cli.options import Overwrite


def preview(
    corpus: Annotated[
        str, typer.Argument(metavar="CORPUS", help="A corpus made by rwsc synth; local or s3://.")
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="SHEET.png", help="Where the sheet goes.")],
    num_images: Annotated[int, typer.Option(min=1, max=500, help="Images to show.")] = 12,
    overwrite: Overwrite = False,
) -> None:
    """Draw a contact sheet: bag, item, TIP, the corpus' image, boxes."""
    from rwsc.runs.preview import write_preview
    from rwsc.runs.talk import say
    from rwsc.storage.prefix import absolute_uri

    say(f"{write_preview(corpus, output, num_images=num_images, overwrite=overwrite)} images shown")
    sys.stdout.write(absolute_uri(output) + "\n")
