from pathlib import Path

import pytest

from rwsc.evaluation import slides
from rwsc.evaluation.study import ARMS

SLIDES = Path(__file__).parents[4] / "shared" / "paper" / "rwsc-fusion-slides.txt"


def test_rows_belong_to_arms_of_the_default_study():
    names = {arm.name for arm in ARMS}
    assert {*slides.EDGE_ATTENTION, *slides.METHODS} <= names


def test_ours_leads_in_all_but_edge_intensity_as_printed():
    ours = slides.METHODS["rwsc"]
    others = [row for name, row in slides.METHODS.items() if name != "rwsc"]
    assert {name for name in ours if all(row[name] < ours[name] for row in others)} == {"q_e", "qabf", "psnr"}
    on, off = slides.EDGE_ATTENTION["rwsc"], slides.EDGE_ATTENTION["no_ea"]
    assert on["outside.mae"] < off["outside.mae"]
    assert on["outside.psnr"] > off["outside.psnr"]


@pytest.mark.skipif(not SLIDES.exists(), reason="the slides' text is not beside this checkout")
def test_every_figure_is_printed_in_the_slides():
    text = SLIDES.read_text(encoding="utf-8")
    words = {word for word in text.split()}
    for row in (*slides.EDGE_ATTENTION.values(), *slides.METHODS.values()):
        for name, value in row.items():
            printed = f"{value:.3f}" if name.startswith("outside") else f"{value:.4f}"
            assert printed in words, printed
