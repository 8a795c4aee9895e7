"""``rwsc demo``."""

from typing import Annotated

import typer

from rwsc.cli.stdout import keep_for_data


def demo(
    output: Annotated[
        str, typer.Argument(metavar="OUT", help="Folder for everything it makes.")
    ] = "rwsc-demo",
) -> None:
    """Walk the whole path on made-up scans: items, training, a corpus of 64 images, a preview sheet.

    Needs no data, no network and no GPU, and takes a few minutes on two CPU cores. Prints the address of the
    preview sheet.
    """
    from rwsc.runs.demo import run_demo
    from rwsc.storage.prefix import Prefix

    data = keep_for_data()
    run_demo(output)
    data.write(Prefix(output).uri_of("preview.png") + "\n")
