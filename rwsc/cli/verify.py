"""``rwsc verify``."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rwsc.cli.options import Workers
from rwsc.cli.stdout import keep_for_data
from rwsc.cli.terminal import escaped_line

if TYPE_CHECKING:
    from rwsc.runs.verify import Verified


def verify(
    corpus: Annotated[
        str, typer.Argument(metavar="CORPUS", help="A corpus made by rwsc synth; local or s3://.")
    ],
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Read only N images and their bags again, spread evenly; all else is checked whole.",
        ),
    ] = None,
    workers: Workers = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read a corpus again: nothing lost, nothing twice, no stray file, honest labels, bags untouched beside items.

    Prints a line per finding: check, shard, image, what is wrong. Exit code 1 when there is any. A bag that is gone is
    no finding; images that could not be held against theirs are counted.
    """
    from rwsc.runs.verify import verify as run_verify

    data = keep_for_data()
    verified = run_verify(corpus, sample=sample, workers=workers)
    if as_json:
        data.write(json.dumps(_document(verified), indent=1) + "\n")
    else:
        for finding in verified.findings.kept:
            fields = (finding.check, finding.shard_id or "-", finding.image_id or "-", finding.message)
            data.write("\t".join(map(escaped_line, fields)) + "\n")
    _say_summary(verified)
    if verified.findings.counts:
        raise typer.Exit(1)


def _document(verified: "Verified") -> dict[str, Any]:
    from rwsc.corpus.findings import CHECKS

    return {
        "ok": not verified.findings.counts,
        "shards": verified.num_shards,
        "images": dict(sorted(verified.counted.numbers.items())),
        "checks": {name: verified.findings.counts[name] for name in CHECKS},
        "findings": [asdict(finding) for finding in verified.findings.kept],
        "findings_left_out": verified.findings.num_left_out,
    }


def _say_summary(verified: "Verified") -> None:
    from rwsc.corpus.findings import CHECKS
    from rwsc.runs.talk import say

    numbers, findings = verified.counted.numbers, verified.findings
    say(
        f"{numbers['planned']:,} planned images in {verified.num_shards:,} shards: {numbers['made']:,} made, "
        f"{numbers['rejected']:,} rejected, {numbers['failed']:,} failed; {numbers['read']:,} read again, "
        f"{numbers['compared']:,} held against their bags"
    )
    if numbers["without_bag"]:
        say(f"  of {numbers['without_bag']:,} more the bag is gone, out of reach or another one now")
    for name, meaning in CHECKS.items():
        number = findings.counts[name]
        say(f"  {name:<9}{f'{number:,} found' if number else 'ok':<16}{meaning}")
    for remedy, checks in findings.remedies().items():
        say(f"{', '.join(checks)}: {remedy}")
    if findings.num_left_out:
        say(f"{findings.num_left_out:,} more findings are counted, but not shown")
