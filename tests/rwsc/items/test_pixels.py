import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rwsc.items.pixels import (
    decode_alpha,
    decode_transmission,
    encode_alpha,
    encode_transmission,
    num_channels,
)


@given(st.integers(0, 2**31 - 1), st.sampled_from([1, 3]))
def test_transmission_survives_to_sixteen_bits(seed, channels):
    transmission_HWC = np.random.default_rng(seed).uniform(1e-4, 1, (4, 5, channels)).astype(np.float32)
    again_HWC = decode_transmission(encode_transmission(transmission_HWC))
    assert again_HWC.shape == (4, 5, 3)
    assert again_HWC.dtype == np.float32
    np.testing.assert_allclose(again_HWC, np.broadcast_to(transmission_HWC, (4, 5, 3)), atol=0.51 / 65535)


@given(st.integers(0, 2**31 - 1))
def test_two_energies_stay_two_and_are_told_from_colour(seed):
    transmission_HW2 = np.random.default_rng(seed).uniform(1e-4, 1, (4, 5, 2)).astype(np.float32)
    data = encode_transmission(transmission_HW2)
    again_HW2 = decode_transmission(data)
    assert (again_HW2.dtype, again_HW2.shape) == (np.float32, (4, 5, 2))
    np.testing.assert_allclose(again_HW2, transmission_HW2, atol=0.51 / 65535)
    assert encode_transmission(again_HW2) == data
    assert num_channels(data) == 2
    assert num_channels(encode_transmission(transmission_HW2[..., :1])) == 3


def test_air_survives_exactly_and_nothing_becomes_infinitely_dense():
    assert (decode_transmission(encode_transmission(np.ones((2, 3, 3), np.float32))) == 1).all()
    assert (decode_transmission(encode_transmission(np.full((2, 3, 1), 1e-9, np.float32))) > 0).all()


def test_coverage_survives_to_eight_bits():
    alpha_HW = np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)
    again_HW = decode_alpha(encode_alpha(alpha_HW))
    np.testing.assert_allclose(again_HW, alpha_HW, atol=0.51 / 255)
    np.testing.assert_array_equal(again_HW >= 0.5, alpha_HW >= 0.5)
