import numpy as np
import pytest
import torch
from PIL import Image

from rwsc.fusion.baselines.chroma import with_chroma
from rwsc.fusion.network.network import luma


def images(seed=0, number=2):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand((1, 3, 6, 7), generator=generator) for _ in range(number)]


def test_an_image_fused_with_itself_keeps_its_colours():
    (image,) = images(number=1)
    torch.testing.assert_close(with_chroma(luma(image), image, image), image, atol=1e-5, rtol=0)


def test_next_to_gray_the_colour_is_the_other_ones():
    item, bag = images()
    gray = luma(bag).expand_as(bag)
    for pair in ((item, gray), (gray, item)):
        torch.testing.assert_close(with_chroma(luma(item), *pair), item, atol=1e-5, rtol=0)


def test_gray_sources_stay_gray_to_the_last_bit_but_one():
    gray = torch.full((1, 3, 2, 2), 0.3)
    torch.testing.assert_close(
        with_chroma(torch.full((1, 1, 2, 2), 0.6), gray, gray), torch.full_like(gray, 0.6)
    )


def test_the_rule_is_that_of_eight_bit_ycbcr():
    """Pixel by pixel with the published formula, tau = 128, on Pillow's conversion; both round to 8 bits."""
    item, bag = (0.3 + 0.4 * image for image in images(3))  # inside the gamut whatever is mixed
    fused = torch.full((1, 1, 6, 7), 0.5)
    made = (255 * with_chroma(fused, item, bag)[0]).permute(1, 2, 0).numpy()
    planes = [
        np.array(
            Image.fromarray((255 * x[0]).round().byte().permute(1, 2, 0).numpy()).convert("YCbCr"), float
        )
        for x in (item, bag)
    ]
    expected = np.full((6, 7, 3), 127.5)
    for row in range(6):
        for column in range(7):
            for channel in (1, 2):
                one, two = (plane[row, column, channel] for plane in planes)
                total = abs(one - 128) + abs(two - 128)
                value = (one * abs(one - 128) + two * abs(two - 128)) / total if total else 128
                expected[row, column, channel] = value
    rgb = np.array(Image.fromarray(expected.round().astype(np.uint8), "YCbCr").convert("RGB"), float)
    assert np.abs(made - rgb).max() <= 5
    assert np.abs(made - rgb).mean() <= 1.5


def test_the_stronger_colour_wins():
    orange, pale_blue = torch.tensor([1, 0.5, 0.0]), torch.tensor([0.75, 0.75, 0.85])
    item, bag = (colour.view(1, 3, 1, 1) for colour in (orange, pale_blue))
    red, _, blue = with_chroma(torch.full((1, 1, 1, 1), 0.6), item, bag).flatten().tolist()
    assert red > 0.8
    assert blue < 0.2


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_results_stay_in_range(level):
    item, bag = images(1)
    made = with_chroma(torch.full((1, 1, 6, 7), level), item, bag)
    assert made.min() >= 0
    assert made.max() <= 1
