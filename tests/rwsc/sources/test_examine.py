import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.errors import AccessDenied, ObjectMissing, StorageError
from rwsc.sources.examine import Defaults, examine, fit_box, modality_of, tight_box, without_alpha
from rwsc.sources.schema import SourceScan

DEFAULTS = Defaults()


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("s3://bucket/a.png", AccessDenied("cannot read: access is denied (403)")),
        ("s3://bucket/a.png", ObjectMissing("nothing there")),
        ("/scans/a.png", StorageError("cannot read: a folder stands where a file is expected")),
    ],
)
def test_a_scan_that_cannot_be_read_costs_its_row(monkeypatch, uri, error):
    monkeypatch.setattr("rwsc.sources.examine.read_uri", raising(error))
    assert examine(SourceScan(uri=uri), DEFAULTS).status == "failed"


def test_a_bucket_that_is_down_ends_the_run_and_writes_no_scan_off(monkeypatch):
    monkeypatch.setattr(
        "rwsc.sources.examine.read_uri", raising(StorageError("the endpoint cannot be reached"))
    )
    with pytest.raises(StorageError, match="cannot be reached"):
        examine(SourceScan(uri="s3://bucket/a.png"), DEFAULTS)


def raising(error):
    def read_uri(uri):
        raise error

    return read_uri


NUMBERS = st.floats(-1e4, 1e4) | st.integers(-50, 150).map(float)


@pytest.mark.parametrize(
    ("bbox", "fitted", "flags"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4), []),
        ((0, 0, 60, 40), (0, 0, 60, 40), []),
        ((10, 20, -4, -5), (6, 15, 4, 5), ["swapped"]),
        ((-5, -5, 10, 10), (0, 0, 5, 5), ["clipped"]),
        ((55, 30, 10, 20), (55, 30, 5, 10), ["clipped"]),
        ((5, 5, -10, 3), (0, 5, 5, 3), ["swapped", "clipped"]),
        ((60, 10, 5, 5), (60, 10, 5, 5), ["outside"]),
        ((-9, 10, 5, 5), (-9, 10, 5, 5), ["outside"]),
        ((5, 5, 0, 7), (5, 5, 0, 7), ["empty", "outside"]),
    ],
)
def test_a_stated_box_is_brought_into_the_picture(bbox, fitted, flags):
    assert fit_box(bbox, width=60, height=40) == (fitted, flags)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_a_fitted_box_lies_in_the_picture_or_is_flagged_outside(x, y, w, h):
    (x0, y0, w0, h0), flags = fit_box((x, y, w, h), width=60, height=40)
    assert w0 >= 0
    assert h0 >= 0
    if "outside" not in flags:
        assert x0 >= 0 and y0 >= 0 and x0 + w0 <= 60 + 1e-9 and y0 + h0 <= 40 + 1e-9  # noqa: PT018 - one box
        assert fit_box((x0, y0, w0, h0), width=61, height=41)[1] in ([], ["empty", "outside"])


def test_a_tight_box_holds_the_mask_and_nothing_else():
    mask_HW = np.zeros((9, 12), bool)
    mask_HW[2, 3] = mask_HW[6, 10] = True
    assert tight_box(mask_HW) == (3, 2, 8, 5)


def test_colour_is_told_by_the_pixels_and_not_by_the_number_of_channels(pixels):
    gray_HW = pixels(0, gray=True)
    assert modality_of(gray_HW) == "gray"
    assert modality_of(np.repeat(gray_HW[..., None], 3, axis=2)) == "gray"
    assert modality_of(pixels(0)) == "colour"
    assert modality_of(pixels(0, dtype=np.uint16)) == "colour"


def test_compression_noise_does_not_make_a_gray_picture_colour():
    noise = np.random.default_rng(0).integers(-3, 4, (40, 40, 3))
    assert modality_of((200 + noise).astype(np.uint8)) == "gray"


def test_a_fourth_channel_is_dropped():
    image = np.zeros((2, 2, 4), np.uint8)
    assert without_alpha(image).shape == (2, 2, 3)
    assert without_alpha(image[..., 0]).shape == (2, 2)
