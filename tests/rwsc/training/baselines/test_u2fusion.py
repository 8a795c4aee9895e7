import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from rwsc.training.baselines.u2fusion import TEMPERATURE, U2FusionLoss, information, shares
from rwsc.training.baselines.windows import ssim


def images(hw=(32, 40), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand((2, 1, *hw), generator=generator) for _ in range(3)]


def information_reference(image, levels):
    kernel = np.full((3, 3), 1 / 8)
    kernel[1, 1] = -1
    image, found = 255 * image.double().numpy(), []
    for _ in range(levels):
        found.append((correlate(image, kernel, mode="nearest") ** 2).mean())
        height, width = (side // 2 * 2 for side in image.shape)
        image = image[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return np.mean(found)


@pytest.mark.parametrize(("hw", "levels"), [((96, 96), 5), ((49, 200), 5), ((16, 16), 3)])
def test_information_is_the_mean_squared_laplacian_over_sizes(hw, levels):
    image = images(hw)[0]
    expected = [information_reference(image[index, 0], levels) for index in range(2)]
    np.testing.assert_allclose(information(image).numpy(), expected, rtol=1e-4)


def test_weights_are_a_softmax_of_information():
    _, item, bag = images()
    item = 1 - 0.1 * item
    found = torch.stack([information(item), information(bag)]).double().numpy() / TEMPERATURE
    share_B2 = shares(item, bag)
    np.testing.assert_allclose(share_B2[:, 0].numpy(), 1 / (1 + np.exp(found[1] - found[0])), rtol=1e-4)
    torch.testing.assert_close(share_B2.sum(dim=1), torch.ones(2))
    assert (share_B2[:, 1] > share_B2[:, 0]).all()  # there is more to see in the bag
    torch.testing.assert_close(shares(bag, bag), torch.full((2, 2), 0.5))


def test_the_loss_is_its_formula():
    fused, item, bag = images()
    item = 0.8 + 0.2 * item
    share_B2, expected = shares(item, bag), []
    for index in range(2):
        terms = [
            (1 - float(ssim(fused[index : index + 1], source[index : index + 1])))
            + 20 * float(((fused[index] - source[index]) ** 2).mean())
            for source in (item, bag)
        ]
        expected.append(np.dot(share_B2[index].numpy(), terms))
    found = U2FusionLoss().judge(fused, item, bag)
    assert float(found["total"]) == pytest.approx(np.mean(expected), rel=1e-5)
    assert float(found["total"]) == pytest.approx(float(found["similarity"] + 20 * found["error"]))
    assert float(found["item_share"]) == pytest.approx(float(share_B2[:, 0].mean()))


def test_equal_sources_are_fused_best_by_themselves():
    _, item, _ = images()
    assert float(U2FusionLoss().judge(item, item, item)["total"]) == pytest.approx(0, abs=1e-5)
