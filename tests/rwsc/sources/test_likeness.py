import cv2
import numpy as np
import pytest

from rwsc.sources.likeness import num_different_bits, perceptual_hash


def test_the_same_picture_in_another_depth_size_or_file_is_alike(pixels):
    image = pixels(3, height=240, width=320)
    own = perceptual_hash(image)
    assert len(own) == 16
    assert int(own, 16) >= 0
    jpeg = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], cv2.IMREAD_UNCHANGED)
    smaller = cv2.resize(image, (200, 150), interpolation=cv2.INTER_AREA)
    for other in (jpeg, smaller, image.astype(np.uint16) * 257, image.astype(np.uint16) * 16):
        assert num_different_bits(own, perceptual_hash(other)) <= 4


def test_other_pictures_are_not_alike(pixels):
    hashes = [perceptual_hash(pixels(seed, height=240, width=320)) for seed in range(12)]
    distances = [num_different_bits(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > 6


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (40, 60, 3), (32, 32, 1)])
def test_every_picture_has_a_hash(shape):
    assert len(perceptual_hash(np.zeros(shape, np.uint8))) == 16
    assert perceptual_hash(np.full(shape, 7, np.uint8)) == perceptual_hash(np.full(shape, 7, np.uint8))


def test_bits_are_counted():
    assert num_different_bits("0" * 16, "f" * 16) == 64
    assert num_different_bits("00000000000000a0", "0000000000000021") == 2
