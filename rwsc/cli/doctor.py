"""``rwsc doctor``."""

import json
import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer


def doctor(
    storage: Annotated[
        list[str] | None, typer.Option(metavar="URI", help="A folder to test writing to; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine: versions, storage, disk, GPUs and Ray. Exits with 1 when a check fails."""
    from rwsc.runs.doctor import examine

    with redirect_stdout(sys.stderr):  # Ray speaks on stdout, which is kept for data
        checks = examine(storage or [])
    if as_json:
        sys.stdout.write(json.dumps(checks, indent=1) + "\n")
    else:
        for check in checks:
            sys.stdout.write(f"{'ok  ' if check['ok'] else 'FAIL'}  {check['name']:<22} {check['found']}\n")
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)
