import numpy as np
import pytest
from support.made_images import MATCH, make_images

from rwsc.corpus.comparison import AMPLIFIED, CELL_PX, compare_engines, draw_comparison
from rwsc.corpus.controls import Role
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.match import MatchConfig


def compare(rows, pixels, items, engines):
    opened = [open_classic(name, EngineConfig()) for name in engines]
    return [
        compare_engines(row, each, items=items, engines=opened, context=0.5, match=MatchConfig(**MATCH))
        for row, each in zip(rows, pixels, strict=True)
    ]


@pytest.fixture(scope="module")
def positives(inputs_root):
    return make_images(inputs_root, Role.POSITIVE, "tip")[:3]


def test_every_engine_shows_the_same_part_of_the_bag(positives):
    for shown in compare(*positives, ["tip", "alpha", "tip_dual"]):
        tip, alpha, refused = shown.fused
        assert tip.shape == alpha.shape == shown.bag.shape
        assert max(tip.shape) == CELL_PX
        assert "two energies" in refused
        assert (tip != alpha).any()
        assert (tip[:3] == shown.bag[:3]).all()  # a margin of bag around what was put in


def test_headings_tell_role_classes_and_what_else_is_in(positives, inputs_root):
    rows, pixels, items = positives
    for row, shown in zip(rows, compare(rows, pixels, items, []), strict=True):
        assert row["image_id"] in shown.heading
        assert "positive" in shown.heading
        assert row["objects"][0]["label"] in shown.heading
        assert ("harmless" in shown.heading) == bool(row["distractors"])
    empties = make_images(inputs_root, Role.EMPTY, "tip")[:3]
    assert all("empty insertion(s)" in shown.heading for shown in compare(*empties, []))
    negatives = make_images(inputs_root, Role.NEGATIVE, "tip")[:3]
    for shown in compare(*negatives, ["tip"]):
        assert "negative · no labelled item" in shown.heading
        np.testing.assert_array_equal(shown.fused[0], shown.bag)


def test_the_sheet_draws_differences_amplified_around_mid_grey(positives):
    shown = compare(*positives, ["tip"])[:1]
    sheet = draw_comparison(shown, ["tip"])
    left, top = 8 + 2 * (CELL_PX + 8), 60 + 26
    height, width = shown[0].bag.shape[:2]
    fused = sheet[top : top + height, left : left + width]
    below = sheet[top + height + 8 : top + 2 * height + 8, left : left + width]
    np.testing.assert_array_equal(fused, shown[0].fused[0])
    expected = 128 + AMPLIFIED * (fused.astype(int) - shown[0].bag.astype(int))
    np.testing.assert_array_equal(below, np.clip(expected, 0, 255))
    assert (below == 128).any()
    assert (below == 0).any()


def test_a_sheet_grows_by_a_line_an_image_and_a_column_an_engine(positives):
    shown = compare(*positives, ["tip"])
    assert draw_comparison(shown, ["tip"]).shape[0] > draw_comparison(shown[:1], ["tip"]).shape[0] + CELL_PX
    two = draw_comparison(compare(*positives, ["tip", "alpha"]), ["tip", "alpha"])
    assert two.shape[1] == draw_comparison(shown, ["tip"]).shape[1] + CELL_PX + 8
