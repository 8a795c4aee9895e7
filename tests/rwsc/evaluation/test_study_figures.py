import numpy as np
import pytest
import torch

from rwsc.corpus.preview import CELL_PX, GAP_PX
from rwsc.evaluation.study import Arm, StudyConfig
from rwsc.evaluation.study_figures import attention_map, draw_figures
from rwsc.evaluation.study_scores import draw_pairs
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.training.phantom_samples import PhantomSource
from rwsc.training.samples import SampleConfig


@pytest.fixture(scope="module")
def pairs():
    return draw_pairs(PhantomSource(1, config=SampleConfig(crop_px=50), seed=0), 2)


def study(**values):
    arms = [Arm(name="on", tables=["edge_attention", "methods"]), Arm(name="off", tables=["edge_attention"])]
    return StudyConfig(**{"output": "out", "phantoms": 1, "seeds": [4, 5], "arms": arms, **values})


def red(name):
    return np.full((50, 50, 3), (200, 0, 0), np.uint8) if name.startswith("on-4/fused") else None


def test_figures_are_of_the_first_seed_and_leave_out_what_is_not_made(pairs):
    sheets = draw_figures(study(), pairs, red)
    assert set(sheets) == {"figure5", "figure8"}
    for sheet in sheets.values():
        assert sheet.picture.shape[1] == 3 * (CELL_PX + GAP_PX) + GAP_PX  # bag, item and the arm that is made
        assert (sheet.picture == (200, 0, 0)).all(axis=2).sum() == 2 * CELL_PX**2


def test_engines_stand_beside_the_methods_alone(pairs):
    sheets = draw_figures(study(), pairs, lambda name: np.zeros((50, 50, 3), np.uint8))
    columns = {name: sheet.picture.shape[1] // (CELL_PX + GAP_PX) for name, sheet in sheets.items()}
    assert columns == {"figure5": 4, "figure6": 4, "figure8": 2 + 1 + 4 + 1}


def test_a_pair_not_made_yet_is_a_blank(pairs):
    only_second = lambda name: red(name) if name.endswith("-1") else None  # noqa: E731
    (picture,) = {
        sheet.picture.tobytes() for sheet in draw_figures(study(engines=[]), pairs, only_second).values()
    }
    assert picture.count(bytes((225, 225, 225))) >= CELL_PX**2 - CELL_PX


def test_nothing_is_drawn_without_pairs():
    assert draw_figures(study(), [], red) == {}


def test_attention_is_drawn_with_the_edges_that_the_network_adds(pairs):
    def drawn(strength):
        torch.manual_seed(0)
        own = {"sharpen": "edge_branch", "sharpen_strength": strength}
        return attention_map(RwscNetwork(named_config("tiny").model_copy(update=own)).eval(), pairs[0])

    assert np.array_equal(drawn(0.1), drawn(0.1))
    assert not np.array_equal(drawn(0.1), drawn(1.0))


def test_attention_is_that_of_the_bag_at_the_finest_scale(pairs):
    torch.manual_seed(0)
    network = RwscNetwork(named_config("tiny")).eval()
    picture = attention_map(network, pairs[0])
    assert picture.shape == pairs[0].bag_HWC.shape
    assert picture.dtype == np.uint8
    # Other items leave the map as it is, other bags do not.
    swapped = type(pairs[0])(
        sample=type(pairs[0].sample)(
            item_CHW=pairs[0].sample.item_CHW[:, ::-1].copy(),
            bag_CHW=pairs[0].sample.bag_CHW,
            mask_1HW=pairs[0].sample.mask_1HW,
        ),
        item_HWC=pairs[0].item_HWC,
        bag_HWC=pairs[0].bag_HWC,
        mask_HW=pairs[0].mask_HW,
    )
    assert np.array_equal(attention_map(network, swapped), picture)
    assert not np.array_equal(attention_map(network, pairs[1]), picture)
