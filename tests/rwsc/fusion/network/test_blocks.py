import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rwsc.fusion.network.blocks import (
    EdgeAttention,
    PixelInteraction,
    RegionStyle,
    RwscModule,
    deviation_map,
    laplacian,
    laplacian_sharpen,
    masked_average_pool,
    normalise_regions,
    region_mean,
)

SEEDS = st.integers(0, 2**31 - 1)
# float32 sums over a few hundred cells.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def features(seed, shape=(2, 3, 9, 8)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def hard_mask(seed, shape=(2, 1, 9, 8)):
    mask = (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.4).float()
    mask[:, :, :2, :3] = 1  # never empty, never tiny
    mask[:, :, -2:, -3:] = 0
    return mask


def soft_mask(seed, shape=(2, 1, 9, 8)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def flips(x):
    return [x.flip(-1), x.flip(-2), x.transpose(-1, -2)]


# Slow references: one cell at a time, float64.


def reference_edge_attention(feature, kernel, sign=1.0, residual=False, temperature=1.0):
    feature = feature.double().numpy()
    out = np.zeros_like(feature)
    batch, channels, height, width = feature.shape
    reach = kernel // 2
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                differences = []
                for c in range(channels):
                    window = [
                        feature[b, c, v, u]
                        for v in range(max(0, y - reach), min(height, y + reach + 1))
                        for u in range(max(0, x - reach), min(width, x + reach + 1))
                    ]
                    differences.append(sum(window) / len(window) - feature[b, c, y, x])
                logit = sign * sum(differences) / channels / temperature
                weight = 1 / (1 + math.exp(-logit))
                out[b, :, y, x] = (weight + residual) * feature[b, :, y, x]
    return out


def reference_map(feature, mask):
    feature, mask = feature.double().numpy(), mask.double().numpy()
    out = np.zeros_like(feature)
    for b in range(feature.shape[0]):
        for c in range(feature.shape[1]):
            for weight in (mask[b, 0], 1 - mask[b, 0]):
                total, cells = 0.0, 0.0
                for y in range(weight.shape[0]):
                    for x in range(weight.shape[1]):
                        total += weight[y, x] * feature[b, c, y, x]
                        cells += weight[y, x]
                out[b, c] += weight * (total / cells if cells else 0.0)
    return out


def reference_normalised(feature, mask):
    feature, mask = feature.double().numpy(), mask.double().numpy()
    out = np.zeros_like(feature)
    for b, c in np.ndindex(*feature.shape[:2]):
        for region in (mask[b, 0], 1 - mask[b, 0]):
            weights = region if region.sum() >= 4 else np.ones_like(region)
            mean = np.average(feature[b, c], weights=weights)
            variance = np.average((feature[b, c] - mean) ** 2, weights=weights)
            out[b, c] += region * (feature[b, c] - mean) / np.sqrt(variance + 1e-5)
    return out


class TestEdgeAttention:
    @pytest.mark.parametrize("kernel", [3, 5, 7])
    @pytest.mark.parametrize(
        "options",
        [{}, {"sign": "flipped"}, {"residual": True}, {"temperature": 0.25}],
        ids=["slide", "flipped", "residual", "temperature"],
    )
    def test_it_is_equation_5(self, kernel, options):
        feature = features(0, (2, 3, 6, 5))
        slow = dict(options, sign=-1.0 if options.get("sign") == "flipped" else 1.0)
        expected = reference_edge_attention(feature, kernel, **slow)
        np.testing.assert_allclose(EdgeAttention(kernel, **options)(feature).numpy(), expected, **CLOSE)

    @pytest.mark.parametrize("kernel", [3, 5, 7])
    def test_a_constant_is_halved_up_to_the_border(self, kernel):
        flat = torch.full((1, 4, 7, 6), 3.0) * torch.tensor([1.0, -2.0, 0.5, 0.0]).view(1, 4, 1, 1)
        torch.testing.assert_close(EdgeAttention(kernel)(flat), 0.5 * flat)

    def test_a_dip_gets_more_than_half_and_a_bump_less(self):
        dip = torch.zeros(1, 2, 5, 5)
        dip[..., 2, 2] = -4
        weight = EdgeAttention()
        assert weight.weight(dip)[0, 0, 2, 2] > 0.9
        assert weight.weight(-dip)[0, 0, 2, 2] < 0.1
        assert EdgeAttention(sign="flipped").weight(dip)[0, 0, 2, 2] < 0.1

    def test_the_weight_is_one_map_for_all_channels(self):
        assert EdgeAttention().weight(features(1)).shape == (2, 1, 9, 8)

    def test_edges_found_elsewhere_raise_the_weight(self):
        feature = features(2)
        edge = torch.zeros(2, 1, 9, 8)
        edge[..., 4, 4] = 1
        difference = EdgeAttention().weight(feature, edge_B1HW=edge) - EdgeAttention().weight(feature)
        assert (difference[..., 4, 4] > 0).all()
        difference[..., 4, 4] = 0
        assert (difference == 0).all()

    @given(seed=SEEDS, kernel=st.sampled_from([3, 5, 7]))
    @settings(max_examples=20, deadline=None)
    def test_it_commutes_with_flips_and_transposition(self, seed, kernel):
        feature, attend = features(seed), EdgeAttention(kernel)
        for before, after in zip(flips(feature), flips(attend(feature)), strict=True):
            torch.testing.assert_close(attend(before), after, **CLOSE)

    def test_it_has_nothing_to_learn(self):
        assert list(EdgeAttention().parameters()) == []
        assert EdgeAttention().state_dict() == {}

    def test_a_map_smaller_than_the_window_is_legal(self):
        feature = features(3, (1, 2, 1, 2))
        np.testing.assert_allclose(
            EdgeAttention(7)(feature).numpy(), reference_edge_attention(feature, 7), **CLOSE
        )

    def test_an_even_window_is_refused(self):
        with pytest.raises(ValueError, match="3, 5 or 7 cells, not 4"):
            EdgeAttention(4)


class TestRegionStatistics:
    @given(seed=SEEDS, soft=st.booleans())
    @settings(max_examples=20, deadline=None)
    def test_pooling_matches_the_reference(self, seed, soft):
        feature, mask = features(seed), (soft_mask if soft else hard_mask)(seed)
        expected = reference_map(feature, mask)
        np.testing.assert_allclose(masked_average_pool(feature, mask).numpy(), expected, **CLOSE)
        np.testing.assert_allclose(deviation_map(feature, mask).numpy(), feature.numpy() - expected, **CLOSE)

    @given(seed=SEEDS, soft=st.booleans())
    @settings(max_examples=20, deadline=None)
    def test_normalisation_matches_the_reference(self, seed, soft):
        feature, mask = features(seed), (soft_mask if soft else hard_mask)(seed)
        np.testing.assert_allclose(
            normalise_regions(feature, mask).numpy(), reference_normalised(feature, mask), **CLOSE
        )

    @given(seed=SEEDS)
    @settings(max_examples=20, deadline=None)
    def test_pooling_a_pooled_map_changes_nothing_for_a_hard_mask(self, seed):
        pooled, mask = masked_average_pool(features(seed), hard_mask(seed)), hard_mask(seed)
        torch.testing.assert_close(masked_average_pool(pooled, mask), pooled, **CLOSE)

    @given(seed=SEEDS)
    @settings(max_examples=20, deadline=None)
    def test_deviations_have_zero_mean_in_each_region_of_a_hard_mask(self, seed):
        deviation, mask = deviation_map(features(seed), hard_mask(seed)), hard_mask(seed)
        for region in (mask, 1 - mask):
            torch.testing.assert_close(region_mean(deviation, region), torch.zeros(2, 3, 1, 1), **CLOSE)

    @given(seed=SEEDS)
    @settings(max_examples=20, deadline=None)
    def test_each_region_comes_out_with_zero_mean_and_unit_spread(self, seed):
        mask = hard_mask(seed)
        normal = normalise_regions(5 * features(seed) + 7, mask)
        for region in (mask, 1 - mask):
            torch.testing.assert_close(
                region_mean(normal, region), torch.zeros(2, 3, 1, 1), rtol=0, atol=1e-4
            )
            spread = region_mean(normal.square(), region)
            torch.testing.assert_close(spread, torch.ones(2, 3, 1, 1), rtol=0, atol=1e-3)

    @pytest.mark.parametrize("function", [masked_average_pool, deviation_map, normalise_regions])
    def test_they_commute_with_flips_and_transposition(self, function):
        feature, mask = features(4), soft_mask(4)
        for turned, turned_mask, expected in zip(
            flips(feature), flips(mask), flips(function(feature, mask)), strict=True
        ):
            torch.testing.assert_close(function(turned, turned_mask), expected, **CLOSE)

    @pytest.mark.parametrize("level", [0.0, 1.0], ids=["empty", "full"])
    def test_an_empty_or_full_mask_means_one_region(self, level):
        feature, mask = features(5), torch.full((2, 1, 9, 8), level)
        mean = feature.mean(dim=(2, 3), keepdim=True)
        torch.testing.assert_close(masked_average_pool(feature, mask), mean.expand_as(feature), **CLOSE)
        expected = nn.functional.instance_norm(feature, eps=1e-5)
        torch.testing.assert_close(normalise_regions(feature, mask), expected, **CLOSE)

    def test_a_region_of_three_cells_borrows_the_whole_maps_statistics_and_one_of_four_does_not(self):
        feature = features(6)
        whole = nn.functional.instance_norm(feature, eps=1e-5)
        mask = torch.zeros(2, 1, 9, 8)
        mask[..., 3, 2:5] = 1
        torch.testing.assert_close(normalise_regions(feature, mask)[..., 3, 2:5], whole[..., 3, 2:5], **CLOSE)
        mask[..., 3, 5] = 1
        assert (normalise_regions(feature, mask) - whole)[..., 3, 2:6].abs().max() > 0.05

    def test_half_precision_sums_do_not_overflow(self):
        feature = torch.full((1, 2, 300, 300), 2.0, dtype=torch.float16)
        mask = torch.zeros(1, 1, 300, 300, dtype=torch.float16)
        mask[..., :150] = 1
        torch.testing.assert_close(region_mean(feature, mask), torch.full((1, 2, 1, 1), 2.0))
        pooled = masked_average_pool(feature, mask)
        assert pooled.dtype == torch.float16
        torch.testing.assert_close(pooled, feature)

    def test_gradients_are_right(self):
        feature = features(7, (1, 2, 4, 4)).double().requires_grad_()
        mask = soft_mask(7, (1, 1, 4, 4)).double()
        assert torch.autograd.gradcheck(lambda x: masked_average_pool(x, mask), feature)
        assert torch.autograd.gradcheck(lambda x: normalise_regions(x, mask), feature)

    def test_the_gradient_of_a_flat_region_is_finite(self):
        flat = torch.zeros(1, 2, 6, 6, requires_grad=True)
        normalise_regions(flat, hard_mask(0, (1, 1, 6, 6))).square().sum().backward()
        assert torch.isfinite(flat.grad).all()


class TestRegionStyle:
    def test_a_fresh_one_does_not_scale_but_does_shift(self):
        torch.manual_seed(0)
        style = RegionStyle(3, 5, hidden=4, scale_from="deviation")
        scale, shift = style(features(0), hard_mask(0))
        assert scale.shape == shift.shape == (2, 5, 9, 8)
        assert (scale == 0).all()
        assert shift.abs().max() > 0.01

    def test_the_shift_sees_region_means_alone_and_the_scale_texture_alone(self):
        style = fresh_style("deviation")
        feature, mask = features(1), hard_mask(1)
        scale, shift = style(feature, mask)
        level = torch.tensor([2.0, -1.0, 3.0]).view(1, 3, 1, 1)
        raised_scale, raised_shift = style(feature + level, mask)
        torch.testing.assert_close(raised_scale, scale, **CLOSE)
        assert (raised_shift - shift).abs().max() > 0.01
        bare_scale, bare_shift = style(masked_average_pool(feature, mask), mask)
        torch.testing.assert_close(bare_shift, shift, **CLOSE)
        assert (bare_scale - scale).abs().max() > 0.01

    def test_with_pooling_only_the_scale_does_not_see_texture(self):
        style = fresh_style("pooled")
        feature, mask = features(1), hard_mask(1)
        scale, _ = style(feature, mask)
        bare_scale, _ = style(masked_average_pool(feature, mask), mask)
        torch.testing.assert_close(bare_scale, scale, **CLOSE)
        assert (scale - scale.mean(dim=(2, 3), keepdim=True)).abs().max() > 0.01


def fresh_style(scale_from):
    torch.manual_seed(0)
    style = RegionStyle(3, 5, hidden=4, scale_from=scale_from)
    nn.init.normal_(style.to_scale[-1].weight)  # starts at zero, which would hide what it sees
    return style


def fresh_module(**options):
    torch.manual_seed(0)
    module = RwscModule(3, hidden=4, **options)
    nn.init.normal_(module.style.to_scale[-1].weight)
    return module


class TestRwscModule:
    def test_it_is_scale_times_normalised_content_plus_shift(self):
        module, item, bag, mask = fresh_module(), features(0), features(1), soft_mask(2)
        both = torch.cat([item, bag], dim=1)
        scale, shift = module.style(both, mask)
        expected = (1 + scale) * normalise_regions(module.mix(both), mask) + shift
        torch.testing.assert_close(module(item, bag, mask), expected)

    @pytest.mark.parametrize("source", ["item", "bag"])
    def test_with_one_style_source_the_other_is_the_content(self, source):
        torch.manual_seed(0)
        module = RwscModule(3, hidden=4, style_source=source)  # fresh: no scale, so content shows plainly
        item, bag, mask = features(0), features(1), hard_mask(2)
        style, content = (item, bag) if source == "item" else (bag, item)
        _, shift = module.style(style, mask)
        torch.testing.assert_close(module(item, bag, mask) - shift, normalise_regions(content, mask), **CLOSE)

    def test_the_mask_is_brought_to_the_features_size_by_area(self):
        module, item, bag = fresh_module(), features(0, (1, 3, 4, 4)), features(1, (1, 3, 4, 4))
        fine = hard_mask(3, (1, 1, 8, 8))
        coarse = fine.reshape(1, 1, 4, 2, 4, 2).mean(dim=(3, 5))
        torch.testing.assert_close(module(item, bag, fine), module(item, bag, coarse))

    @pytest.mark.parametrize("level", [0.0, 1.0], ids=["empty", "full"])
    def test_an_empty_or_full_mask_gives_finite_values_and_gradients(self, level):
        module, item, bag = fresh_module(), features(0).requires_grad_(), features(1)
        fused = module(item, bag, torch.full((2, 1, 9, 8), level))
        fused.square().sum().backward()
        assert torch.isfinite(fused).all()
        assert torch.isfinite(item.grad).all()
        assert all(torch.isfinite(parameter.grad).all() for parameter in module.parameters())

    def test_the_item_region_decides_the_style_there(self):
        module, item, bag, mask = fresh_module(), features(0), features(1), hard_mask(2)
        change = (module(item + 5 * mask, bag, mask) - module(item, bag, mask)).abs()
        assert (change * mask).max() > 0.1


class TestSharpening:
    def test_the_laplacian_matches_the_reference(self):
        image = features(0, (1, 2, 5, 4)).double().numpy()
        padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        expected = np.zeros_like(image)
        for y, x in np.ndindex(5, 4):
            near = [(y, x + 1), (y + 2, x + 1), (y + 1, x), (y + 1, x + 2)]
            expected[..., y, x] = sum(padded[..., v, u] for v, u in near) - 4 * image[..., y, x]
        np.testing.assert_allclose(laplacian(torch.from_numpy(image)).numpy(), expected, atol=1e-12)

    def test_strength_zero_changes_nothing(self):
        image = features(1)
        assert laplacian_sharpen(image, strength=0) is image

    def test_flat_images_stay_and_edges_get_steeper_within_the_range(self):
        step = torch.full((1, 1, 4, 6), 0.4)
        torch.testing.assert_close(laplacian_sharpen(step, strength=0.3), step)
        step[..., 3:] = 0.6
        sharp = laplacian_sharpen(step, strength=0.3)
        assert (sharp[..., 3] - sharp[..., 2] > 0.2 + 1e-3).all()
        harsh = laplacian_sharpen(torch.rand(1, 3, 8, 8).round(), strength=1)
        assert harsh.min() >= 0
        assert harsh.max() <= 1


def make_interaction(seed=0, hidden=8):
    torch.manual_seed(seed)
    interaction = PixelInteraction(3, hidden, 3)
    for parameter in interaction.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return interaction.eval()


class TestPixelInteraction:
    def test_a_fresh_one_is_zero(self):
        item, bag = features(0).abs(), features(1).abs()
        assert (PixelInteraction(3, 8, 3)(item, bag) == 0).all()

    @given(seed=SEEDS)
    @settings(max_examples=20, deadline=None)
    def test_it_is_zero_where_either_source_is_air_and_not_elsewhere(self, seed):
        item, bag, interaction = features(seed).abs(), features(seed + 1).abs(), make_interaction(seed)
        with torch.inference_mode():
            for one, other in ((item, 0 * bag), (0 * item, bag)):
                torch.testing.assert_close(interaction(one, other), torch.zeros_like(bag), rtol=0, atol=1e-5)
            assert interaction(item, bag).abs().max() > 1e-3

    def test_it_is_the_definition_pixel_by_pixel(self):
        item, bag, interaction = features(2).abs(), features(3).abs(), make_interaction()
        with torch.inference_mode():
            found = interaction(item, bag)
            for y, x in ((0, 0), (4, 5), (8, 7)):
                f, b = item[..., y, x], bag[..., y, x]

                def h(f, b):
                    return interaction.layers(torch.cat([f, b], dim=1)[..., None, None])[..., 0, 0]

                nil = torch.zeros_like(f)
                expected = h(f, b) - h(nil, b) - h(f, nil) + h(nil, nil)
                torch.testing.assert_close(found[..., y, x], expected, **CLOSE)
