"""``rwsc replay``."""

from typing import Annotated

import typer

from rwsc.cli.options import Overwrite
from rwsc.cli.stdout import keep_for_data
from rwsc.errors import ConfigError


def replay(
    corpus: Annotated[
        str, typer.Argument(metavar="CORPUS", help="A corpus made by rwsc synth; local or s3://.")
    ],
    image_id: Annotated[str, typer.Argument(metavar="IMAGE_ID", help="An image that was made.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where the image goes; otherwise it is only compared."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make one image of a corpus again, alone, and compare it with the manifest.

    Uses the corpus' own run card and manifest row, and bag, items and weights from where they were. Prints the
    image's hash, or the address of FILE. Exit code 0 where the image is the same to the byte, 1 where it differs.
    """
    from rwsc.runs.replay import replay as run_replay
    from rwsc.runs.talk import say
    from rwsc.sources.row_file import refuse_existing
    from rwsc.storage.prefix import absolute_uri, write_uri

    data = keep_for_data()
    if output is not None and not overwrite:
        refuse_existing(output)
    again = run_replay(corpus, image_id)
    if output is not None:
        if not output.lower().endswith(f".{again.suffix}"):
            raise ConfigError(
                f"{output} does not end in .{again.suffix}, as the corpus' images do",
                remedy=f"write -o NAME.{again.suffix}",
            )
        write_uri(absolute_uri(output), again.data)
    data.write(f"{again.sha256 if output is None else absolute_uri(output)}\n")
    for line in again.changed:
        say(f"changed: {line}")
    say(f"the file in the corpus {again.stored}")
    if again.is_equal:
        say(f"{image_id} is the same to the byte")
        return
    say(f"{image_id} differs: {again.sha256} was made now, the manifest says {again.wanted_sha256}")
    if not again.changed:
        say("bag, items, weights and version are those of the corpus: another processor or other libraries?")
    raise typer.Exit(1)
