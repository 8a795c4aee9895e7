import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rwsc.physics.transmission import (
    DEFAULT_FLOOR,
    from_attenuation,
    full_scale,
    tip,
    to_attenuation,
    to_image,
    to_transmission,
)

FLOAT32_RTOL = 1e-5

shapes = st.sampled_from([(5, 7), (4, 3, 3), (1, 1), (6, 2, 1)])
dtypes = st.sampled_from([np.uint8, np.uint16])


@st.composite
def images(draw):
    dtype = draw(dtypes)
    return draw(hnp.arrays(dtype, draw(shapes)))


@st.composite
def two_transmissions(draw):
    shape = draw(shapes)
    values = st.floats(float(np.nextafter(np.float32(DEFAULT_FLOOR), np.float32(1))), 1, width=32)
    return tuple(draw(hnp.arrays(np.float32, shape, elements=values)) for _ in range(2))


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 255), (np.uint16, 65535), ("uint16", 65535)])
def test_the_full_scale_is_the_largest_value_of_the_type(dtype, scale):
    assert full_scale(dtype) == scale


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint32])
def test_other_types_have_no_full_scale(dtype):
    with pytest.raises(ValueError, match=np.dtype(dtype).name):
        full_scale(dtype)


@given(images(), st.floats(0.5, 1))
def test_grey_levels_between_floor_and_air_survive_the_round_trip(image, air_share):
    air = np.float32(air_share * full_scale(image.dtype))
    again = to_image(to_transmission(image, air), air, image.dtype)
    inside = (image >= np.ceil(air * DEFAULT_FLOOR)) & (image <= air)
    assert again.dtype == image.dtype
    assert again.shape == image.shape
    np.testing.assert_array_equal(again[inside], image[inside])


def test_every_grey_level_survives_the_round_trip_against_a_white_belt():
    for dtype in (np.uint8, np.uint16):
        scale = full_scale(dtype)
        levels = np.arange(int(np.ceil(scale * DEFAULT_FLOOR)), scale + 1).astype(dtype)[None]
        np.testing.assert_array_equal(to_image(to_transmission(levels, scale), scale, dtype), levels)


@given(images(), st.floats(1, 70000), st.floats(1e-4, 0.5))
def test_transmission_lies_between_the_floor_and_one(image, air, floor):
    transmission = to_transmission(image, air, floor=floor)
    assert transmission.dtype == np.float32
    assert transmission.shape == image.shape
    assert transmission.min() >= np.float32(floor)
    assert transmission.max() <= 1


def test_every_channel_has_its_own_air():
    image = np.array([[[200, 100, 50]]], dtype=np.uint8)
    np.testing.assert_array_equal(to_transmission(image, np.array([200.0, 100.0, 50.0])), np.ones((1, 1, 3)))


def test_a_black_pixel_does_not_attenuate_without_bound():
    attenuation = to_attenuation(to_transmission(np.zeros((2, 2), np.uint8), 255.0))
    np.testing.assert_allclose(attenuation, -np.log(DEFAULT_FLOOR), rtol=FLOAT32_RTOL)


@given(two_transmissions())
def test_air_changes_nothing(pair):
    bag, _ = pair
    np.testing.assert_array_equal(tip(bag, np.ones_like(bag)), bag)


@given(two_transmissions())
def test_order_does_not_matter(pair):
    np.testing.assert_array_equal(tip(*pair), tip(*reversed(pair)))


@given(two_transmissions())
def test_an_item_never_brightens_the_bag(pair):
    bag, item = pair
    assert (tip(bag, item) <= bag).all()


@given(two_transmissions())
def test_attenuations_add(pair):
    bag, item = pair
    both = to_attenuation(tip(bag, item), floor=1e-9)
    np.testing.assert_allclose(both, to_attenuation(bag) + to_attenuation(item), rtol=FLOAT32_RTOL, atol=1e-6)


@given(two_transmissions())
def test_attenuation_and_back_is_the_same_transmission(pair):
    transmission, _ = pair
    np.testing.assert_allclose(
        from_attenuation(to_attenuation(transmission)), transmission, rtol=FLOAT32_RTOL
    )


@given(two_transmissions())
def test_attenuation_is_never_negative(pair):
    assert (to_attenuation(pair[0]) >= 0).all()


def test_superposition_is_the_product_of_grey_levels_over_air():
    bag, item, air = np.array([[200]], np.uint8), np.array([[100]], np.uint8), 250.0
    fused = to_image(tip(to_transmission(bag, air), to_transmission(item, air)), air, np.uint8)
    assert fused.tolist() == [[round(200 * 100 / 250)]]


@pytest.mark.parametrize("floor", [0.0, 1.0, -0.1])
def test_a_floor_outside_zero_to_one_is_refused(floor):
    image = np.ones((2, 2), np.uint8)
    with pytest.raises(ValueError, match="floor"):
        to_transmission(image, 255.0, floor=floor)
    with pytest.raises(ValueError, match="floor"):
        to_attenuation(np.ones((2, 2)), floor=floor)


@pytest.mark.parametrize("air", [0.0, -3.0, np.array([255.0, 0.0, 255.0])])
def test_an_air_level_that_is_not_positive_is_refused(air):
    with pytest.raises(ValueError, match="air level"):
        to_transmission(np.ones((2, 2, 3), np.uint8), air)


@pytest.mark.parametrize("air", [251.0, 3.0, (251.0,), (250.0, 251.5, 128.0)])
@pytest.mark.parametrize("shape", [(7,), (9, 5), (9, 5, 1), (9, 5, 3), (0, 5, 3), (2, 9, 5, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transmission_is_the_clipped_ratio_to_the_bit_for_every_shape_and_view(air, shape, dtype):
    if np.size(air) == 3 and shape[-1] != 3:
        return
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    for view in (image, image[::-1], image[1:, ...], image.T if np.size(air) == 1 else image[..., ::-1]):
        plain = np.clip(
            view.astype(np.float32) / np.asarray(air, np.float32), np.float32(0.01), np.float32(1)
        )
        found = to_transmission(view, air, floor=0.01)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, plain, strict=True)
