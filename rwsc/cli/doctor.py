"""``rwsc doctor``."""

import json
from typing import Annotated

import typer

from rwsc.cli.stdout import keep_for_data


def doctor(
    storage: Annotated[
        list[str] | None, typer.Option(metavar="URI", help="A folder to test writing to; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine: versions, storage, disk, GPUs and Ray. Exits with 1 when a check fails."""
    from rwsc.runs.doctor import examine

    data = keep_for_data()
    checks = examine(storage or [])
    if as_json:
        data.write(json.dumps(checks, indent=1) + "\n")
    else:
        for check in checks:
            data.write(f"{'ok  ' if check['ok'] else 'FAIL'}  {check['name']:<22} {check['found']}\n")
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)
