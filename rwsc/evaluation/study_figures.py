"""Figures 5 to 8 of the slides in our form: sheets of bag, item and what each arm made of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from rwsc.corpus.preview import draw_sheet
from rwsc.evaluation.study import Arm, StudyConfig, TableName, run_name
from rwsc.evaluation.study_scores import Pair
from rwsc.fusion.network.network import RwscNetwork

Load = Callable[[str], np.ndarray | None]
"""Gives a picture of a run, such as ``rwsc-0/fused-2``, or None while there is none."""

_MISSING = 225


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sheet:
    """One figure."""

    picture: np.ndarray
    """uint8, (H, W, 3)."""

    caption: str


def draw_figures(study: StudyConfig, pairs: Sequence[Pair], load: Load) -> Mapping[str, Sheet]:
    """Draw the figures that the arms of a study ask for.

    Args:
        study: The study; pictures are those of its first seed.
        pairs: The pairs shown.
        load: Gives their pictures.

    Returns:
        Sheets by name; those of which nothing is made yet are left out.
    """
    if not pairs:
        return {}
    drawn = {
        "figure5": _sheet(study, "edge_attention", pairs, load),
        "figure6": _attention_sheet(study, pairs, load),
        "figure7": _sheet(study, "region", pairs, load),
        "figure8": _sheet(study, "methods", pairs, load),
        "sweep": _sheet(study, "sweep", pairs, load),
    }
    return {
        name: Sheet(picture=picture, caption=_CAPTIONS[name])
        for name, picture in drawn.items()
        if picture is not None
    }


_CAPTIONS = {
    "figure5": "As Figure 5: with and without edge attention. The network's own output over the frame.",
    "figure6": "As Figure 6: edge attention of the bag's finest features. Dark is 0.5 or below, bright the"
    " largest weight of the picture.",
    "figure7": "As Figure 7: mask average pooling only against the whole module.",
    "figure8": "As Figure 8: other methods, each with its own output over the frame. The published ones know no mask.",
    "sweep": "The arms of the sweep.",
}


def attention_map(network: RwscNetwork, pair: Pair) -> np.ndarray:
    """Draw where edge attention looks in a bag.

    Args:
        network: With edge attention, on the CPU, in evaluation mode.
        pair: The bag with its item.

    Returns:
        uint8, (H, W, 3): weights of the finest scale, from 0.5 to the largest.
    """
    seen = list(_attended(network, pair))
    feature_BCHW, edge_B1HW = seen[
        len(seen) // 2
    ]  # the item's scales come first, then the bag's, finest first
    height, width = pair.mask_HW.shape
    with torch.inference_mode():
        weight_B1HW = network.edge_attention.weight(feature_BCHW, edge_B1HW=edge_B1HW)
    weight_HW = weight_B1HW[0, 0, :height, :width].float().numpy()
    share_HW = np.clip((weight_HW - 0.5) / max(1e-6, float(weight_HW.max()) - 0.5), 0, 1)
    level_HW = np.rint(255 * share_HW).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(level_HW, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def _attended(network: RwscNetwork, pair: Pair) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Give what edge attention sees while a pair is fused: features, and edges found elsewhere."""
    seen: list[tuple[Tensor, Tensor | None]] = []

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], options: dict[str, Tensor | None]) -> None:
        seen.append((inputs[0], options.get("edge_B1HW")))

    hook = network.edge_attention.register_forward_pre_hook(keep, with_kwargs=True)
    sample = pair.sample
    try:
        with torch.inference_mode():
            network(
                *(torch.from_numpy(each)[None] for each in (sample.item_CHW, sample.bag_CHW, sample.mask_1HW))
            )
    finally:
        hook.remove()
    yield from seen


def _sheet(study: StudyConfig, table: TableName, pairs: Sequence[Pair], load: Load) -> np.ndarray | None:
    columns = {arm.shown: f"{_first(study, arm)}/fused" for arm in _arms(study, table)}
    if columns and table == "methods":
        columns |= {name: f"{name}/fused" for name in study.untrained}
    return _drawn(pairs, columns, load)


def _attention_sheet(study: StudyConfig, pairs: Sequence[Pair], load: Load) -> np.ndarray | None:
    arms = _arms(study, "edge_attention")
    return _drawn(pairs, {arm.shown: f"{_first(study, arm)}/attention" for arm in arms}, load)


def _arms(study: StudyConfig, table: TableName) -> list[Arm]:
    return [arm for arm in study.arms if table in arm.tables]


def _first(study: StudyConfig, arm: Arm) -> str:
    return run_name(arm, study.seeds[0])


def _drawn(pairs: Sequence[Pair], columns: Mapping[str, str], load: Load) -> np.ndarray | None:
    made = {head: [load(f"{key}-{number}") for number in range(len(pairs))] for head, key in columns.items()}
    made = {head: pictures for head, pictures in made.items() if any(p is not None for p in pictures)}
    if not made:
        return None
    rows = [
        [pair.bag_HWC, pair.item_HWC, *(_or_blank(pictures[number], pair) for pictures in made.values())]
        for number, pair in enumerate(pairs)
    ]
    return draw_sheet(rows, ["bag", "item", *made])


def _or_blank(picture: np.ndarray | None, pair: Pair) -> np.ndarray:
    return np.full_like(pair.bag_HWC, _MISSING) if picture is None else picture
