import numpy as np

from rwsc.evaluation.truth_sheet import FULL_DIFFERENCE, SheetCell, SheetRow, difference_map, draw_truth_sheet


def make_row(bbox_xywh=(40, 30, 20, 10), size=(100, 120)):
    true_HWC = np.full((*size, 3), 200, np.uint8)
    made_HWC = true_HWC.copy()
    made_HWC[30:40, 40:60] = 0
    cells = [
        SheetCell(rgb_HWC=true_HWC, is_compared=False, caption="knife"),
        SheetCell(rgb_HWC=made_HWC, caption="9.1 dB"),
    ]
    return SheetRow(true_HWC=true_HWC, bbox_xywh=bbox_xywh, cells=cells)


def test_a_map_is_black_without_a_difference_and_grows_brighter_up_to_its_end():
    true_HWC = np.full((1, 4, 3), 100, np.uint8)
    made_HWC = true_HWC + np.array([0, 20, FULL_DIFFERENCE, 120], np.uint8)[None, :, None]
    brightness = difference_map(made_HWC, true_HWC).astype(int).sum(axis=2)[0]
    assert brightness[0] < 20
    assert brightness[0] < brightness[1] < brightness[2] == brightness[3]
    np.testing.assert_array_equal(difference_map(true_HWC, made_HWC), difference_map(made_HWC, true_HWC))


def test_every_row_adds_its_pictures_and_maps():
    one, two = (draw_truth_sheet([make_row()] * n, ["true scan", "tip"], title="title") for n in (1, 2))
    assert one.dtype == np.uint8
    assert two.shape[1:] == one.shape[1:]
    assert two.shape[0] > one.shape[0] + 300


def test_only_compared_pictures_have_a_map():
    sheet = draw_truth_sheet([make_row()], ["true scan", "tip"], title="")
    half = sheet.shape[1] // 2
    dark = (sheet.max(axis=2) < 60).sum(axis=0)
    assert dark[half:].sum() > 5 * dark[:half].sum()


def test_the_item_is_shown_with_what_is_around_it_also_at_the_frames_edge():
    for box in ((40, 30, 20, 10), (0, 0, 20, 10), (100, 92, 20, 8), (0, 0, 120, 100)):
        sheet = draw_truth_sheet([make_row(box)], ["true scan", "tip"], title="")
        assert (sheet == 200).all(axis=2).any(), box


def test_a_long_heading_stays_in_its_column():
    def ink(head):
        sheet = draw_truth_sheet([make_row()], ["true scan", head], title="")
        return (sheet[40:75, sheet.shape[1] // 2 :] < 128).any(axis=(0, 2))

    long = ink("rwsc " + "weights" * 20)
    assert long.sum() > ink("tip").sum()
    assert not long[-4:].any()
