"""``rwsc items``."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rwsc.cli.options import ConfigFile, Output, Overwrite, PrintConfig, settings_from
from rwsc.cli.summaries import say_counts
from rwsc.cli.terminal import escaped_line

if TYPE_CHECKING:
    from rwsc.items.leaks import SplitReport

Bank = Annotated[
    str, typer.Argument(metavar="ITEMS", help="Item bank: a .parquet file or its folder; local or s3://.")
]

app = typer.Typer(help="The item bank: prohibited items cut out of annotated scans.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("build", epilog="Example: rwsc items build catalogue.parquet -o items")
def build(
    catalogue: Annotated[
        str | None, typer.Argument(metavar="CATALOGUE", help="Catalogue of annotated scans; local or s3://.")
    ] = None,
    output: Output = None,
    review: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.csv",
            help="Items to accept or reject whatever the gate says: columns item_id, decision, note; local or s3://.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Cut the items out of annotated scans; each annotated object becomes a row, accepted or with a reason."""
    from rwsc.items.settings import BuildConfig

    settings = settings_from(
        BuildConfig,
        "items",
        file=config,
        flags={"catalogue": catalogue, "output": output, "review": review},
        print_only=print_config,
    )
    from rwsc.items.bank import bank_uri
    from rwsc.items.build import build_items

    summary = build_items(
        settings.catalogue, settings.output, settings, review_uri=settings.review, overwrite=overwrite
    )
    say_counts("objects", summary.by_status)
    for label, counts in sorted(summary.by_class.items()):
        say_counts(f"  {label}", counts)
    say_counts("reasons", summary.by_reason)
    if summary.num_physical_items:
        sys.stderr.write(
            f"{'things shown':<20} {summary.num_physical_items:,} by the usable items,"
            f" up to {summary.largest_physical_item:,} items one of them\n"
        )
    say_counts("review", summary.review)
    if unknown := summary.review["unknown"]:
        sys.stderr.write(f"warning: {unknown:,} ids of the review are those of no item of this bank\n")
    sys.stdout.write(bank_uri(settings.output) + "\n")


@app.command(
    "split",
    epilog="Example: rwsc items split items -o items-split && rwsc synth --items items-split --split train ...",
)
def split(
    items: Bank,
    output: Output = None,
    train: Annotated[float, typer.Option(min=0, help="Share of the items of every class.")] = 0.7,
    val: Annotated[float, typer.Option(min=0, help="Share of the items of every class.")] = 0.15,
    test: Annotated[float, typer.Option(min=0, help="Share of the items of every class.")] = 0.15,
    by: Annotated[
        Literal["physical", "group"],
        typer.Option(
            help="What stays together: physical items and scans, or whole groups of the source too."
        ),
    ] = "physical",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the splits that the source states; assign only the rest.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; prove the splits that the bank has.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Chooses among equally good splits.")] = 0,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Put whole physical items into train, val and test, and prove from the written bank that nothing leaks.

    Without -o the bank itself is replaced, which needs --overwrite. A leak ends with exit code 1, and so does --check
    of a bank whose items bear no split.
    What is proven: no physical item, no source scan and no near-duplicate picture lies in two splits; with
    --by group no group of the source either.

    Bags are not items: their splits are those of the catalogue. synth and train --split S take items and bags
    of split S alike; where no bag of a catalogue states a split, bags are shared out by their content.
    """
    from rwsc.items.bank import bank_uri
    from rwsc.items.leaks import check_split
    from rwsc.items.split import split_bank

    target = output or items
    if check:
        report = check_split(items, by=by)
    else:
        shares = {"train": train, "val": val, "test": test}
        report = split_bank(items, target, shares=shares, by=by, keep=keep, seed=seed, overwrite=overwrite)
    _say_splits(report)
    sys.stdout.write(json.dumps(report.to_dict()) + "\n" if as_json else bank_uri(target) + "\n")
    if not report.is_proven:
        raise typer.Exit(1)


@app.command(
    "show", epilog="Example: rwsc items show items --catalogue catalogue.parquet -o items.html --limit 100"
)
def show(
    items: Bank,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="SHEET.png: a contact sheet. PAGE.html: a page to browse and decide. Else a folder for both.",
        ),
    ],
    catalogue: Annotated[
        str | None,
        typer.Option(metavar="CATALOGUE", help="Catalogue of the scans: show each item where it was found."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Items shown of a class and status.")] = 60,
    sort: Annotated[
        str | None, typer.Option(metavar="MEASURE", help="Measure of quality to sort by.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show accepted and rejected items of every class with outline, recovered transmission, measures and reason.

    Of each class the accepted come first, the worst of them foremost; then the rejected, the best of them foremost,
    so that both lists begin where the gate may have erred. A sheet holds 300 items at most and a page 1,000; what
    was left out is said. The page needs no network: filter, sort, mark items, and download review.csv for
    rwsc items build --review. A folder gets a sheet per class, index.html and a review.csv to fill in by hand.
    """
    from rwsc.items.show import show_items
    from rwsc.storage.prefix import absolute_uri

    deck = show_items(items, output, limit=limit, sort_by=sort, catalogue_uri=catalogue, overwrite=overwrite)
    left_out = deck.left_out.total()
    sys.stderr.write(f"{len(deck.cards):,} items shown, {left_out:,} left out (--limit {limit})\n")
    sys.stdout.write(absolute_uri(output) + "\n")


@app.command("priors", epilog="Example: rwsc items priors catalogue.parquet -o priors.json")
def priors(
    catalogue: Annotated[
        str, typer.Argument(metavar="CATALOGUE", help="Catalogue of annotated scans; local or s3://.")
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="PRIORS.json", help="File to write; local or s3://."),
    ],
    overwrite: Overwrite = False,
) -> None:
    """Learn from annotated scans where in a bag things lie, how large, how turned and on what.

    The settings of synth name the file: placement.priors = "PRIORS.json" in [synth]. Learned from the bags of one
    scanner it speaks for that scanner's bags.
    """
    from rwsc.runs.priors import learn_from_catalogue
    from rwsc.storage.prefix import absolute_uri

    learned = learn_from_catalogue(catalogue, output, overwrite=overwrite)
    own_sizes = sorted(label for label in learned.size if label)
    sys.stderr.write(
        f"{learned.num_objects:,} objects; sizes of their own: {', '.join(own_sizes) or 'no class'}\n"
    )
    if not learned.direction:
        sys.stderr.write("warning: no mask and no thin box tells how things are turned; turns stay even\n")
    sys.stdout.write(absolute_uri(output) + "\n")


def _say_splits(report: "SplitReport") -> None:
    from rwsc.items.assign import SPLITS
    from rwsc.items.likeness import MIN_LIKENESS

    names = [*SPLITS, *([""] if any(counts[""] for counts in report.num_items.values()) else [])]
    sys.stderr.write(
        f"{'items (things)':<20} " + "".join(f"{name or 'no split':>16}" for name in names) + "\n"
    )
    for label, counts in sorted(report.num_items.items()):
        things = report.num_physical[label]
        cells = "".join(f"{f'{counts[name]:,} ({things[name]:,})':>16}" for name in names)
        sys.stderr.write(f"  {escaped_line(label)[:18]:<18} {cells}\n")
        if lacking := [name for name in SPLITS if not counts[name]]:
            sys.stderr.write(
                f"  {'':<18} nothing in {', '.join(lacking)}: what belongs together is not parted\n"
            )
    for pair in report.closest:
        sys.stderr.write(
            f"closest {escaped_line(pair.label)[:18]} across splits: distance {pair.distance:.2f},"
            f" {pair.item_ids[0]} and {pair.item_ids[1]} (one thing from {1 - MIN_LIKENESS:.2f} down)\n"
        )
    if report.num_stated_apart:
        sys.stderr.write(
            f"look alike, but are two things by their source: {report.num_stated_apart:,} pairs\n"
        )
    if report.num_groups_shared and report.by == "physical":
        sys.stderr.write(
            f"groups of the source in two splits: {report.num_groups_shared:,} (--by group keeps them together)\n"
        )
    _say_proof(report)


def _say_proof(report: "SplitReport") -> None:
    for kind, count in sorted(report.num_leaks.items()):
        examples = "; ".join(map(escaped_line, report.leaks[kind]))
        sys.stderr.write(f"LEAK: {count:,} x {kind} in two splits: {examples}\n")
    if not report.num_in_splits:
        what = "no usable item bears a split" if report.num_without_split else "there is no usable item"
        sys.stderr.write(f"NOTHING IS PROVEN: {what}; rwsc items split without --check assigns them\n")
    elif report.num_without_split:
        whole = report.num_in_splits + report.num_without_split
        sys.stderr.write(
            f"without a split: {report.num_without_split:,} of {whole:,} usable items; of these nothing is proven\n"
        )
    if report.is_proven:
        sys.stderr.write("no leak: nothing lies in two splits\n")
