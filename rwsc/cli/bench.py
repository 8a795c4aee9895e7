"""``rwsc bench``."""

import json
import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer


def bench(
    num_images: Annotated[int, typer.Option(min=1, help="Images that each end-to-end run makes.")] = 256,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure synthesis on made-up scans: every stage by itself, a plain loop, and the same through Ray."""
    from rwsc.runs.bench import measure

    with redirect_stdout(sys.stderr):  # Ray speaks on stdout, which is kept for data
        found = measure(num_images)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    sys.stdout.write("milliseconds per image      median  fastest  slowest\n")
    for name, spread in found["stages_ms"].items():
        sys.stdout.write(
            f"{name:<26} {spread['median']:>7.2f}  {spread['fastest']:>7.2f}  {spread['slowest']:>7.2f}\n"
        )
    for engine, rates in found["end_to_end"].items():
        for name, rate in rates.items():
            sys.stdout.write(f"{engine:<5} {name}: {rate}\n")
    sys.stdout.write(", ".join(f"{name} {value}" for name, value in found["machine"].items()) + "\n")
