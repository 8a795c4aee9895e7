"""Compare what the graph cut may settle of an outline, on phantoms: python jobs/settle_outliner.py.

Prints, for each pair of sure probabilities and each likely one, the mean and median overlap with the truth and the
share of good masks; and the confidence that fits what `rwsc.items.in_box` settles, whose figures stand there.
"""

from itertools import product

import numpy as np
import typer

from rwsc.evaluation.extraction import GOOD_IOU
from rwsc.evaluation.settling import fit_confidence, try_settlings
from rwsc.items.in_box import SETTLING, Settling
from rwsc.items.outliner import default_outliner

SURE = ((0.03, 0.97), (0.1, 0.65), (0.1, 0.7), (0.1, 0.9), (0.2, 0.6), (0.2, 0.7), (0.2, 0.8), (0.3, 0.7))
LIKELY = (0.3, 0.5)


def settle_outliner(num_phantoms: int = 500, seed: int = 4711) -> None:
    """Compare settlings on phantoms, and fit the confidence of the one that is taken."""
    settlings = [SETTLING] + [
        Settling(bag=bag, likely=likely, item=item) for (bag, item), likely in product(SURE, LIKELY)
    ]
    outcomes = try_settlings(num_phantoms, seed, default_outliner(), settlings)
    typer.echo("  bag likely item   mean median  good")
    for settling, made in zip(settlings, outcomes, strict=True):
        overlaps = np.array([outcome.iou for outcome in made])
        typer.echo(
            f"{settling.bag:5.2f}  {settling.likely:5.2f} {settling.item:4.2f}  "
            f"{overlaps.mean():5.3f}  {np.median(overlaps):5.3f} {(overlaps >= GOOD_IOU).mean():5.3f}"
        )
    typer.echo(fit_confidence(outcomes[0]))


if __name__ == "__main__":
    typer.run(settle_outliner)
