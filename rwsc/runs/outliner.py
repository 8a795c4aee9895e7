"""Train the outliner and write its weights with a card that says how they were made."""

import hashlib
import json
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

import rwsc
from rwsc.items.outliner import WEIGHTS
from rwsc.items.outliner_weights import pack
from rwsc.runs.talk import say
from rwsc.storage.prefix import Prefix
from rwsc.training.outliner import OutlinerProgress, OutlinerRun, train_outliner

_TOLD_EVERY = 50


def train_to_folder(
    output: Path,
    steps: int = OutlinerRun.steps,
    batch: int = OutlinerRun.batch,
    num_bags: int = OutlinerRun.num_bags,
    seed: int = OutlinerRun.seed,
    loader_workers: int = OutlinerRun.loader_workers,
) -> None:
    """Train the outliner on phantoms and write outliner.safetensors (`rwsc.items.outliner_weights`) and outliner.json.

    Args:
        output: Folder for both; what is there is replaced.
        steps: Batches to train on.
        batch: Views in each.
        num_bags: Different bags, varied each time an item is put into one.
        seed: Decides all phantoms and the first weights.
        loader_workers: Processes that draw phantoms; the weights do not depend on it.
    """
    torch.set_num_threads(1)
    run = OutlinerRun(steps=steps, batch=batch, num_bags=num_bags, seed=seed, loader_workers=loader_workers)
    recent: deque[OutlinerProgress] = deque(maxlen=_TOLD_EVERY)
    started = time.monotonic()

    def tell(progress: OutlinerProgress) -> None:
        recent.append(progress)
        if progress.step % _TOLD_EVERY == 0:
            figures = "  ".join(f"{name} {value:.3f}" for name, value in _means(recent).items())
            say(f"step {progress.step}/{steps}  {figures}  {time.monotonic() - started:.0f} s")

    network = train_outliner(run, tell)
    weights = pack(network.state_dict())
    card = {
        "what": "Marks the item in a box of an X-ray scan; see rwsc.items.outliner.",
        "trained_on": "phantoms of rwsc.physics.phantom_scenes alone; no real scan",
        "licence": "Apache-2.0",
        "run": asdict(run),
        "last_steps": _means(recent),
        "code_version": rwsc.__version__,
        "torch": torch.__version__.split("+")[0],
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    folder = Prefix(str(output))
    folder.write(WEIGHTS, weights)
    folder.write(WEIGHTS.replace(".safetensors", ".json"), (json.dumps(card, indent=1) + "\n").encode())


def _means(recent: deque[OutlinerProgress]) -> dict[str, float]:
    names = ("loss", "mean_iou", "share_of_good")
    return {name: round(float(np.mean([getattr(one, name) for one in recent])), 4) for name in names}
