import numpy as np
import pytest
import torch

from rwsc.training.baselines.mef_ssim import DeepFuseLoss, MefNetLoss


def images(hw=(14, 13), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand((2, 1, *hw), generator=generator) for _ in range(3)]


def patches(image, size):
    image = image.double().numpy()
    for y in range(image.shape[0] - size + 1):
        for x in range(image.shape[1] - size + 1):
            yield image[y : y + size, x : x + size].ravel()


def deepfuse_reference(fused, item, bag):
    """With vectors, as the description says: contrast, structure, target, similarity."""
    scores = []
    for f, a, b in zip(*(patches(image, 8) for image in (fused, item, bag)), strict=True):
        f, a, b = f - f.mean(), a - a.mean(), b - b.mean()
        norms = np.linalg.norm(a), np.linalg.norm(b)
        structure = norms[0] * (a / norms[0]) + norms[1] * (b / norms[1])
        target = max(norms) * structure / np.linalg.norm(structure)
        scores.append((2 * (target @ f) / 64 + 9e-4) / ((target @ target + f @ f) / 64 + 9e-4))
    return np.mean(scores)


def mefnet_reference(fused, item, bag):
    at = np.arange(11) - 5
    profile = np.exp(-0.5 * (at / (11 / 6)) ** 2)
    weights = np.outer(profile, profile).ravel()
    weights /= weights.sum()
    whole = [float(image.double().mean()) for image in (item, bag)]
    levels, structures = [], []
    for f, *sources in zip(*(patches(image, 11) for image in (fused, item, bag)), strict=True):
        means = [weights @ source for source in sources]
        variances = [weights @ (source - mean) ** 2 for source, mean in zip(sources, means, strict=True)]
        best = int(np.argmax(variances))
        mean_f = weights @ f
        covariance = weights @ ((sources[best] - means[best]) * (f - mean_f))
        variance_f = weights @ (f - mean_f) ** 2
        structures.append((2 * covariance + 9e-4) / (variances[best] + variance_f + 9e-4))
        trust = [
            np.exp(-((g - 0.5) ** 2) / (2 * 0.2**2)) * np.exp(-((m - 0.5) ** 2) / (2 * 0.2**2))
            for g, m in zip(whole, means, strict=True)
        ]
        level = np.dot(trust, means) / sum(trust)
        levels.append((2 * level * mean_f + 1e-4) / (level**2 + mean_f**2 + 1e-4))
    return np.mean(levels), np.mean(structures)


def test_deepfuses_score_is_that_of_vectors():
    fused, item, bag = images()
    found = DeepFuseLoss().score(fused, item, bag)
    expected = [deepfuse_reference(fused[i, 0], item[i, 0], bag[i, 0]) for i in range(2)]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)
    assert float(DeepFuseLoss().judge(fused, item, bag)["total"]) == pytest.approx(
        1 - np.mean(expected), abs=1e-4
    )


def test_mefnets_scores_are_those_of_vectors():
    fused, item, bag = images(seed=3)
    item = 0.4 + 0.6 * item
    levels, structures = MefNetLoss().scores(fused, item, bag)
    expected = [mefnet_reference(fused[i, 0], item[i, 0], bag[i, 0]) for i in range(2)]
    np.testing.assert_allclose(levels.numpy(), [pair[0] for pair in expected], atol=1e-4)
    np.testing.assert_allclose(structures.numpy(), [pair[1] for pair in expected], atol=1e-4)
    total = MefNetLoss().judge(fused, item, bag)["total"]
    assert float(total) == pytest.approx(1 - np.mean([a * b for a, b in expected]), abs=1e-4)


@pytest.mark.parametrize("loss", [DeepFuseLoss(), MefNetLoss()])
def test_two_equal_sources_are_fused_best_by_themselves(loss):
    _, item, _ = images()
    assert float(loss.judge(item, item, item)["total"]) == pytest.approx(0, abs=1e-5)
    assert float(loss.judge(1 - item, item, item)["total"]) > 1


def test_deepfuse_knows_no_level_and_mefnet_does():
    _, item, bag = images()
    fused = 0.5 * item + 0.2
    levels = [float(DeepFuseLoss().judge(fused + shift, item, bag)["total"]) for shift in (0, 0.3)]
    assert levels[0] == pytest.approx(levels[1], abs=1e-5)
    one, two = (MefNetLoss().judge(fused + shift, item, bag) for shift in (0, 0.3))
    assert float(two["luminance"]) > 2 * float(one["luminance"])
    assert float(two["structure"]) == pytest.approx(float(one["structure"]), abs=1e-5)


@pytest.mark.parametrize("loss", [DeepFuseLoss(), MefNetLoss()])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_flat_pictures_give_finite_losses_and_gradients(loss, level):
    flat = torch.full((1, 1, 20, 20), level)
    fused = torch.full((1, 1, 20, 20), 0.5, requires_grad=True)
    total = loss.judge(fused, flat, flat)["total"]
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(fused.grad).all()
