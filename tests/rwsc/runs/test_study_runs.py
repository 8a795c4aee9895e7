import numpy as np
import pytest

from rwsc.evaluation.study import TRUTH, StudyConfig
from rwsc.evaluation.study_scores import draw_pairs
from rwsc.runs.held_out import open_held_out
from rwsc.runs.study_runs import engine_scores
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix


def test_pictures_of_engines_are_kept_in_8_bits(tmp_path):
    out = Prefix(str(tmp_path))
    some = StudyConfig(output=out.uri, phantoms=2, held_out_pairs=2, pairs={"crop_px": 40})
    pairs = draw_pairs(open_held_out(some)[0], 2)
    scores = engine_scores(out, "tip", pairs, 1, "key")
    kept = decode_image(out.read("pictures/tip/fused-0.png"))
    product = np.rint(255 * pairs[0].sample.item_CHW * pairs[0].sample.bag_CHW).transpose(1, 2, 0)
    assert np.abs(kept - product).max() <= 1
    assert not out.exists("pictures/tip/fused-1.png")
    assert engine_scores(out, "tip", [], 1, "key") == scores  # read back, not measured again


@pytest.mark.parametrize("damaged", [b"[]", b"{}", b"\xff", b'{"key": "key", "pictures": 0, "scores": [1]}'])
def test_scores_that_are_none_are_measured_again(tmp_path, damaged):
    out = Prefix(str(tmp_path))
    out.write("scores/tip.json", damaged)
    some = StudyConfig(output=out.uri, phantoms=2, held_out_pairs=2, pairs={"crop_px": 40})
    scores = engine_scores(out, "tip", draw_pairs(open_held_out(some)[0], 2), 0, "key")
    assert len(scores) == 2
    assert engine_scores(out, "tip", [], 0, "key") == scores


def test_the_true_scan_of_phantoms_is_measured_like_an_engine(tmp_path):
    out = Prefix(str(tmp_path))
    some = StudyConfig(output=out.uri, phantoms=2, held_out_pairs=2, pairs={"crop_px": 40})
    assert some.untrained[-1] == TRUTH
    pairs = draw_pairs(open_held_out(some)[0], 2)
    scores = engine_scores(out, TRUTH, pairs, 1, "key")
    kept = decode_image(out.read("pictures/truth/fused-0.png"))
    truth = np.rint(255 * pairs[0].sample.truth_CHW).transpose(1, 2, 0)
    assert np.abs(kept - truth).max() <= 1
    assert all(row["outside.mae"] < 1 for row in scores)  # the rim's thinner half counts as outside
    tip = engine_scores(out, "tip", pairs, 1, "key")
    assert all(row["box.q_e"] != other["box.q_e"] for row, other in zip(scores, tip, strict=True))


def test_of_real_scans_no_truth_is_known():
    assert StudyConfig(output="x", items="i", bags="b").untrained == ["average", "minimum", "tip", "alpha"]
