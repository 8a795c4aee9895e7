"""The ``rwsc`` command: registers the verbs, and turns errors into one line, a remedy and an exit code."""

import sys
from typing import Annotated

import typer

import rwsc
from rwsc.cli import (
    bench,
    demo,
    doctor,
    evaluate,
    export,
    items,
    plan,
    preview,
    replay,
    report,
    sources,
    submit,
    synth,
    train,
    verify,
    weights,
)
from rwsc.cli.terminal import escape_controls, escaped_line
from rwsc.errors import RwscError
from rwsc.runs.talk import say

INTERRUPTED = 130
"""Exit code after Ctrl-C, which typer gives it."""

LONGEST_LINE = 600
"""Characters of a message that are shown."""

app = typer.Typer(
    help="Believable, annotated synthetic X-ray baggage images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 done, 1 finished badly, 2 bad usage or input, 130 interrupted. RWSC_LOG=json makes every "
    "line of talk on stderr a JSON object.",
)
app.command("demo", epilog="Example: rwsc demo")(demo.demo)
app.command("doctor", epilog="Example: rwsc doctor --storage s3://bucket/rwsc")(doctor.doctor)
app.add_typer(sources.app, name="sources")
app.add_typer(items.app, name="items")
app.command("train", epilog="Example: rwsc train --items items --bags catalogue.parquet -o run --steps 2000")(
    train.train
)
app.command(
    "plan",
    epilog="Example: rwsc plan --items items --bags catalogue.parquet -o corpus --num-images 100000 --dry-run",
)(plan.plan)
app.command(
    "synth",
    epilog="Example: rwsc synth --items items --bags catalogue.parquet --weights run -o corpus --num-images 300",
)(synth.synth)
app.command("preview", epilog="Example: rwsc preview corpus -o sheet.png")(preview.preview)
app.command("export", epilog="Example: rwsc export yolo corpus -o yolo --task segment")(export.export)
app.command("replay", epilog="Example: rwsc replay corpus 8c0f3b1d2e4a5968 -o again.png")(replay.replay)
app.command("verify", epilog="Example: rwsc verify corpus --sample 1000")(verify.verify)
app.command("report", epilog="Example: rwsc report corpus -o report.html")(report.report)
app.add_typer(weights.app, name="weights")
app.add_typer(evaluate.app, name="evaluate")
app.command("bench", epilog="Example: rwsc bench --json")(bench.bench)
app.command(
    "submit",
    epilog="Example: rwsc submit --address http://head:8265 -- verify s3://bucket/corpus",
)(submit.submit)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"rwsc {rwsc.__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; exit codes are 0 done, 1 finished badly, 2 bad usage or input, 130 interrupted."""
    escape_controls()
    try:
        app()
    except RwscError as error:
        remedy = f"\ntry:   {_clear_line(error.remedy)}" if error.remedy else ""
        say(f"error: {_clear_line(error.message)}{remedy}")
        raise SystemExit(2) from None
    except SystemExit as end:
        if end.code == INTERRUPTED:
            say("interrupted; the same command takes the work up again")
        raise


def _clear_line(text: str) -> str:
    """Keep both ends of what a damaged file makes endless: where it is, and what is wrong with it."""
    line = escaped_line(text)
    return (
        line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE // 2]} ... {line[-LONGEST_LINE // 2 :]}"
    )


if __name__ == "__main__":
    main()
