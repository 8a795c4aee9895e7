"""Options that several commands share, and how flags and a settings file become settings."""

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from rwsc.errors import ConfigError

ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config", metavar="FILE.toml", help="Settings; this command reads its own table of the file."
    ),
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Print all settings with their meaning as TOML, and stop.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Items = Annotated[
    str | None,
    typer.Option(metavar="ITEMS", help="Item bank: a .parquet file or its folder; local or s3://."),
]
Bags = Annotated[
    str | None, typer.Option(metavar="CATALOGUE", help="Catalogue of scans (.parquet); local or s3://.")
]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="OUT", help="Where the result goes; local or s3://.")
]
Workers = Annotated[int | None, typer.Option(metavar="N", help="Workers at once.")]
Seed = Annotated[int | None, typer.Option(metavar="S", help="Seed of the run.")]

if TYPE_CHECKING:
    from rwsc.config import Settings

S = TypeVar("S", bound="Settings")


def settings_from(
    kind: type[S],
    section: str,
    *,
    file: str | None,
    flags: Mapping[str, Any],
    print_only: bool,
) -> S:
    """Make a command's settings, or print them and stop.

    Args:
        kind: Class of the settings.
        section: The command's table in a settings file.
        file: Path of a settings file, or None.
        flags: Values from the command line by field name; None was not given.
        print_only: Print and stop instead.

    Returns:
        Checked settings.

    Raises:
        Exit: After printing.
    """
    from rwsc.config import load_settings, to_toml

    required = [name for name, info in kind.model_fields.items() if info.is_required()]
    settings = load_settings(
        kind,
        section=section,
        file=file,
        overrides=flags,
        fallbacks=dict.fromkeys(required, "...") if print_only else None,
    )
    if print_only:
        sys.stdout.write(to_toml(settings, section))
        raise typer.Exit
    return settings


def parse_range(text: str | None) -> tuple[int | None, int | None]:
    """Read ``2`` or ``1-3`` as the ends of a range; nothing as two times None.

    Args:
        text: What the user typed.

    Returns:
        Both ends, inclusive.

    Raises:
        ConfigError: It is neither a number nor a range.
    """
    if text is None:
        return None, None
    # As many digits as any count has: int() refuses thousands of them with an error of its own.
    found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text)
    if found is None:
        raise ConfigError(
            f"{text!r} is no number of items", remedy="write --items-per-bag 2 or --items-per-bag 1-3"
        )
    return int(found[1]), int(found[2] or found[1])
