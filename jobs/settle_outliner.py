"""Compare what the graph cut may settle of an outline: python jobs/settle_outliner.py [--catalogue CATALOGUE].

Prints, for each pair of sure probabilities and each likely one, the mean and median overlap with the truth and the
share of good masks on phantoms; and the confidence that fits what `rwsc.items.in_box` settles, whose figures stand
there. With a catalogue, the same on its masked items, and what becomes of these when each group of scans is settled
as is best on all other groups.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Annotated

import numpy as np
import typer

from rwsc.errors import RwscError
from rwsc.evaluation.extraction import FAIR_IOU, GOOD_IOU
from rwsc.evaluation.settling import fit_confidence, try_settlings
from rwsc.evaluation.settling_scans import choose_without, settle_scans
from rwsc.items.in_box import SETTLING, Settling
from rwsc.items.outliner import default_outliner

SURE = ((0.03, 0.97), (0.1, 0.65), (0.1, 0.7), (0.1, 0.9), (0.2, 0.6), (0.2, 0.7), (0.2, 0.8), (0.3, 0.7))
LIKELY = (0.3, 0.5)


def settle_outliner(
    num_phantoms: Annotated[int, typer.Option(min=1)] = 500,
    seed: int = 4711,
    catalogue: Annotated[
        str | None, typer.Option(help="Compare on the masked items of this catalogue too, group by group.")
    ] = None,
) -> None:
    """Compare settlings on phantoms, fit the confidence of the one that is taken, and judge the choice on scans."""
    settlings = [SETTLING] + [
        Settling(bag=bag, likely=likely, item=item) for (bag, item), likely in product(SURE, LIKELY)
    ]
    outcomes = try_settlings(num_phantoms, seed, default_outliner(), settlings)
    _tell(settlings, [[outcome.iou for outcome in made] for made in outcomes], GOOD_IOU)
    typer.echo(fit_confidence(outcomes[0]))
    if catalogue is not None:
        _judge_on_scans(catalogue, settlings)


def _judge_on_scans(catalogue: str, settlings: Sequence[Settling]) -> None:
    items = settle_scans(catalogue, default_outliner(), settlings)
    chosen = choose_without(items)
    typer.echo(f"on {len(items)} masked items of {len(chosen)} groups of scans")
    _tell(settlings, np.transpose([item.ious for item in items]).tolist(), FAIR_IOU)
    typer.echo("each group settled as is best on all others")
    for place, num_groups in Counter(chosen.values()).most_common():
        typer.echo(f"{_row(settlings[place])}  chosen for {num_groups} groups")
    typer.echo(f"{'':17}  {_overlaps([item.ious[chosen[item.group]] for item in items], FAIR_IOU)}")


def _tell(settlings: Sequence[Settling], ious: Sequence[Sequence[float]], fair: float) -> None:
    typer.echo(f"  bag likely item   mean median  {fair}+")
    for settling, made in zip(settlings, ious, strict=True):
        typer.echo(f"{_row(settling)}  {_overlaps(made, fair)}")


def _row(settling: Settling) -> str:
    return f"{settling.bag:5.2f}  {settling.likely:5.2f} {settling.item:4.2f}"


def _overlaps(ious: Sequence[float], fair: float) -> str:
    iou_N = np.array(ious)
    return f"{iou_N.mean():5.3f}  {np.median(iou_N):5.3f} {(iou_N >= fair).mean():5.3f}"


if __name__ == "__main__":
    try:
        typer.run(settle_outliner)
    except RwscError as error:
        typer.echo(f"error: {error.message}\ntry:   {error.remedy}", err=True)
        raise SystemExit(2) from None
