import numpy as np

from rwsc.evaluation.study import StudyConfig
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
