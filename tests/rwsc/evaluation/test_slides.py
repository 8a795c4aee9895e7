from rwsc.evaluation import slides
from rwsc.evaluation.study import ARMS


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
