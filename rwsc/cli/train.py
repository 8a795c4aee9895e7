"""``rwsc train``."""

from typing import Annotated

import typer

from rwsc.cli.options import Bags, ConfigFile, Items, Output, PrintConfig, Seed, Workers, settings_from
from rwsc.cli.stdout import keep_for_data


def train(
    items: Items = None,
    bags: Bags = None,
    output: Output = None,
    phantoms: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Train on this many made-up pairs of known truth, without items and bags."
        ),
    ] = None,
    size: Annotated[str | None, typer.Option(help="Size of the network: tiny (CPU) or base (GPU).")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Optimisation steps.")] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Samples per step over all workers.")] = None,
    workers: Workers = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WEIGHTS",
            help="Weights to start from, a run's folder, or default: those of rwsc.",
        ),
    ] = None,
    seed: Seed = None,
    split: Annotated[str | None, typer.Option(help="Use only bags and items of this split.")] = None,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Train a fusion network on item bank and bags, or on phantoms; the same command resumes.

    Writes the best weights (safetensors) and their card to OUT, beside checkpoints, metrics.jsonl and
    TensorBoard events. Prints the address of the weights.
    """
    from rwsc.training.settings import TrainConfig

    settings = settings_from(
        TrainConfig,
        "train",
        file=config,
        flags={
            "items": items,
            "bags": bags,
            "output": output,
            "phantoms": phantoms,
            "size": size,
            "steps": steps,
            "batch": batch,
            "workers": workers,
            "start_from": start_from,
            "seed": seed,
            "split": split,
        },
        print_only=print_config,
    )
    from rwsc.runs.train import train as run

    data = keep_for_data()
    weights = run(settings)
    data.write(weights + "\n")
