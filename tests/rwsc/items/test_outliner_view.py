import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenes import overlap

from rwsc.items.outliner_view import CONTEXT, VIEW_PX, Window, crop, to_window, view_of, window_around

sizes = st.floats(0.01, 400, allow_nan=False)
places = st.floats(-300, 300, allow_nan=False)


@given(places, places, sizes, sizes)
def test_a_window_is_the_box_with_its_surroundings_and_hardly_more(x, y, w, h):
    window = window_around((x, y, w, h))
    for start, length, low, high in ((x, w, window.left, window.right), (y, h, window.top, window.bottom)):
        reach = CONTEXT * length
        assert start - reach - 1 < low <= start - reach + 1e-6
        assert start + length + reach - 1e-6 <= high < start + length + reach + 1
    assert window.size_wh == (window.right - window.left, window.bottom - window.top)
    assert min(window.size_wh) >= 1


@given(
    st.integers(-30, 25),
    st.integers(-30, 25),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from([1, 3]),
)
def test_a_crop_is_the_picture_inside_and_nothing_outside(left, top, width, height, channels):
    picture = np.random.default_rng(0).uniform(1, 2, (30, 30, channels)).astype(np.float32)
    window = Window(left=left, top=top, right=left + width, bottom=top + height)
    if left + width <= 0 or top + height <= 0:
        return
    found = crop(picture, window).reshape(height, width, channels)
    wide = np.pad(picture, ((60, 60), (60, 60), (0, 0)))
    np.testing.assert_array_equal(found, wide[top + 60 : top + 60 + height, left + 60 : left + 60 + width])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "bbox_xywh",
    [
        (20.0, 30.0, 40.0, 25.0),
        (-15.0, -9.5, 40.0, 30.0),  # partly outside
        (95.0, 75.0, 60.0, 60.0),
        (0.0, 0.0, 100.0, 80.0),  # the whole picture
        (-400.0, -300.0, 900.0, 700.0),  # far more than it
        (50.0, 40.0, 1.0, 1.0),
        (99.9, 79.9, 0.05, 0.05),
        (10.0, 5.0, 80.0, 1.0),
    ],
)
def test_a_view_has_one_size_and_range_whatever_the_box(bbox_xywh, channels):
    attenuation_HWC = np.random.default_rng(1).uniform(0, 7, (80, 100, channels)).astype(np.float32)
    view_CNN = view_of(attenuation_HWC, bbox_xywh)
    assert view_CNN.shape == (4, VIEW_PX, VIEW_PX)
    assert view_CNN.dtype == np.float32
    assert np.isfinite(view_CNN).all()
    assert view_CNN.min() >= 0
    assert view_CNN[:3].max() <= 2.5
    assert view_CNN[3].max() == pytest.approx(1)
    assert view_CNN[3, 0].max() == view_CNN[3, :, 0].max() == 0


def test_one_channel_is_seen_as_three_equal_ones():
    gray_HW1 = np.random.default_rng(2).uniform(0, 3, (70, 90, 1)).astype(np.float32)
    bbox_xywh = (12.0, 20.0, 30.0, 33.0)
    view_CNN = view_of(gray_HW1, bbox_xywh)
    np.testing.assert_array_equal(view_CNN[0], view_CNN[2])
    np.testing.assert_allclose(view_CNN, view_of(np.repeat(gray_HW1, 3, axis=2), bbox_xywh), atol=1e-6)


def test_outside_the_picture_the_view_shows_air():
    view_CNN = view_of(np.full((60, 60, 3), 2.0, np.float32), (-30.0, 10.0, 60.0, 40.0))
    assert (view_CNN[:3, :, : VIEW_PX // 3] == 0).all()
    assert view_CNN[:3, VIEW_PX // 2, -VIEW_PX // 4] == pytest.approx(1.0)


@given(places, places, st.floats(8, 300), st.floats(8, 300))
def test_the_box_goes_into_the_view_and_back(x, y, w, h):
    window = window_around((x, y, w, h))
    picture = np.zeros((400, 400, 3), np.float32)
    if min(window.right, window.bottom) <= 0 or max(window.left, window.top) >= 400:
        return
    seen_HW = to_window(view_of(picture, (x, y, w, h))[3], window) > 0.5
    assert seen_HW.shape == window.size_wh[::-1]
    rows = np.arange(window.top, window.bottom) + 0.5
    columns = np.arange(window.left, window.right) + 0.5
    box_HW = ((rows > y) & (rows < y + h))[:, None] & ((columns > x) & (columns < x + w))
    assert overlap(seen_HW, box_HW) > (0.9 if min(w, h) >= 30 else 0.7)


def test_a_mask_goes_into_the_view_and_back():
    mask_HW = np.zeros((300, 260), bool)
    mask_HW[60:200, 40:70] = mask_HW[60:90, 40:190] = True
    bbox_xywh = (40.0, 60.0, 150.0, 140.0)
    window = window_around(bbox_xywh)
    view_NN = view_of(mask_HW[..., None].astype(np.float32), bbox_xywh)[0] * 2
    back_HW = to_window(view_NN, window) > 0.5
    assert overlap(back_HW, crop(mask_HW.astype(np.uint8), window) > 0) > 0.95
