"""Parts of the RWSC network: edge attention, region statistics and region-wise style-controlled fusion."""

# B batch, C channels, H height, W width. Masks are soft: 1 on the item, 0 off it.

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MIN_REGION_CELLS = 4.0
"""A region that covers fewer feature cells has no statistics worth the name and borrows the whole map's."""

_EPSILON = 1e-5


def _wide(x: Tensor) -> Tensor:
    """Hold sums over a whole map in float32 at least, whatever automatic mixed precision chose."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class EdgeAttention(nn.Module):
    r"""Weigh features by how far they lie from their surroundings (equation 5 of the slides).

    .. math:: w = \sigma(M(\mathrm{AP2D}(F) - F)), \qquad \tilde F = w \odot F

    AP2D is average pooling that keeps the size, M the mean over channels; there is nothing to learn. A flat
    feature gets the weight 0.5. The arguments' defaults are the slide's; the kernel size is not given there.

    Args:
        kernel: Side of the pooling window in cells, 3, 5 or 7.
        sign: "slide" for AP2D(F) - F, "flipped" for F - AP2D(F).
        residual: Whether to give F + w*F.
        temperature: Divides the difference before the sigmoid.

    Raises:
        ValueError: A kernel that is not 3, 5 or 7.
    """

    def __init__(
        self,
        kernel: int = 3,
        *,
        sign: Literal["slide", "flipped"] = "slide",
        residual: bool = False,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        if kernel not in (3, 5, 7):
            raise ValueError(f"edge attention pools over 3, 5 or 7 cells, not {kernel}")
        self.kernel, self.residual = kernel, residual
        self.gain = (1.0 if sign == "slide" else -1.0) / temperature

    def weight(self, feature_BCHW: Tensor, *, edge_B1HW: Tensor | None = None) -> Tensor:
        """Give the attention map, the picture of Figure 6.

        Args:
            feature_BCHW: Features, in any range.
            edge_B1HW: Strength of edges found elsewhere, added before the sigmoid.

        Returns:
            Weights in (0, 1), (B, 1, H, W).
        """
        # M and AP2D are linear and act on different axes, so the mean over channels may come first: it is
        # the same map at a fraction of the cost. Cells outside do not count, so a border is no edge.
        mean_B1HW = _wide(feature_BCHW.mean(dim=1, keepdim=True))
        pooled_B1HW = F.avg_pool2d(
            mean_B1HW, self.kernel, stride=1, padding=self.kernel // 2, count_include_pad=False
        )
        contrast_B1HW = (self.gain * (pooled_B1HW - mean_B1HW)).to(feature_BCHW.dtype)
        return torch.sigmoid(contrast_B1HW if edge_B1HW is None else contrast_B1HW + edge_B1HW)

    def forward(self, feature_BCHW: Tensor, *, edge_B1HW: Tensor | None = None) -> Tensor:
        """Give the edge-enhanced feature, of the feature's shape; see `weight` for the arguments."""
        enhanced_BCHW = self.weight(feature_BCHW, edge_B1HW=edge_B1HW) * feature_BCHW
        return feature_BCHW + enhanced_BCHW if self.residual else enhanced_BCHW


def region_mean(feature_BCHW: Tensor, region_B1HW: Tensor) -> Tensor:
    """Average features over a soft region, per sample and channel.

    Args:
        feature_BCHW: Features, in any range.
        region_B1HW: Share of each cell that belongs to the region, in [0, 1].

    Returns:
        Means, (B, C, 1, 1); 0 for an empty region.
    """
    feature_BCHW, region_B1HW = _wide(feature_BCHW), _wide(region_B1HW)
    total_BC11 = (feature_BCHW * region_B1HW).sum(dim=(2, 3), keepdim=True)
    return total_BC11 / region_B1HW.sum(dim=(2, 3), keepdim=True).clamp_min(_EPSILON)


def masked_average_pool(feature_BCHW: Tensor, mask_B1HW: Tensor) -> Tensor:
    r"""Replace every cell by the mean of its region (mask average pooling, Figure 4).

    .. math:: \mathrm{MAP}(S) = m \langle S \rangle_m + (1 - m) \langle S \rangle_{1-m}

    For a mask of zeros and ones it is idempotent and keeps each region's mean; a soft mask blends the two.

    Args:
        feature_BCHW: Features :math:`S`, in any range.
        mask_B1HW: Soft mask :math:`m` of the item, in [0, 1]; may be empty or full.

    Returns:
        Pooled map, of the feature's shape.
    """
    mask_B1HW = _wide(mask_B1HW)
    item_BC11 = region_mean(feature_BCHW, mask_B1HW)
    rest_BC11 = region_mean(feature_BCHW, 1 - mask_B1HW)
    return (mask_B1HW * item_BC11 + (1 - mask_B1HW) * rest_BC11).to(feature_BCHW.dtype)


def deviation_map(feature_BCHW: Tensor, mask_B1HW: Tensor) -> Tensor:
    r"""Give what pooling drops, the texture of each region.

    .. math:: \mathrm{DEV}(S) = S - \mathrm{MAP}(S)

    Its mean over each region is zero for a mask of zeros and ones.

    Args:
        feature_BCHW: Features :math:`S`, in any range.
        mask_B1HW: Soft mask of the item, in [0, 1]; may be empty or full.

    Returns:
        Deviations, of the feature's shape.
    """
    return feature_BCHW - masked_average_pool(feature_BCHW, mask_B1HW)


def normalise_regions(feature_BCHW: Tensor, mask_B1HW: Tensor) -> Tensor:
    r"""Bring each region to zero mean and unit standard deviation, per sample and channel.

    .. math:: \hat x = m \frac{x - \mu_m}{\sigma_m} + (1 - m) \frac{x - \mu_{1-m}}{\sigma_{1-m}}

    A region of fewer than `MIN_REGION_CELLS` cells takes the statistics of the whole map.

    Args:
        feature_BCHW: Features, in any range.
        mask_B1HW: Soft mask of the item, in [0, 1]; may be empty or full.

    Returns:
        Normalised features, of the same shape.
    """
    mask_B1HW = _wide(mask_B1HW)
    item_BCHW = _standardise(feature_BCHW, mask_B1HW)
    rest_BCHW = _standardise(feature_BCHW, 1 - mask_B1HW)
    return (mask_B1HW * item_BCHW + (1 - mask_B1HW) * rest_BCHW).to(feature_BCHW.dtype)


def _standardise(feature_BCHW: Tensor, region_B1HW: Tensor) -> Tensor:
    """Shift and scale the whole map by the statistics of one region."""
    is_tiny_B111 = region_B1HW.sum(dim=(2, 3), keepdim=True) < MIN_REGION_CELLS
    region_B1HW = torch.where(is_tiny_B111, torch.ones_like(region_B1HW), region_B1HW)
    centred_BCHW = _wide(feature_BCHW) - region_mean(feature_BCHW, region_B1HW)
    return centred_BCHW * torch.rsqrt(region_mean(centred_BCHW.square(), region_B1HW) + _EPSILON)


def conv3x3(num_in: int, num_out: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    """Make a convolution that keeps the size at stride 1 and, repeating the rim, sees no edge at a border."""
    return nn.Conv2d(
        num_in, num_out, kernel_size=3, stride=stride, padding=1, bias=bias, padding_mode="replicate"
    )


class RegionStyle(nn.Module):
    """Pixel-wise shift and scale, learnt apart: the shift from the pooled map, the scale from the deviations.

    That the pairing is this way round is read from the order in the slides; the two convolutions are as in
    SPADE.

    Args:
        num_style: Channels of the features that carry the style.
        num_out: Channels to be modulated.
        hidden: Channels between the two convolutions.
        scale_from: "deviation", or "pooled" for the network of Figure 7 that has mask average pooling only.
    """

    def __init__(
        self, num_style: int, num_out: int, *, hidden: int, scale_from: Literal["deviation", "pooled"]
    ) -> None:
        super().__init__()
        self.scale_from = scale_from
        self.to_shift = nn.Sequential(conv3x3(num_style, hidden), nn.ReLU(), conv3x3(hidden, num_out))
        self.to_scale = nn.Sequential(conv3x3(num_style, hidden), nn.ReLU(), conv3x3(hidden, num_out))
        # Starts as plain region normalisation. The shift does not start at zero: normalisation takes each
        # region's level away, and the shift alone can bring it back.
        for parameter in self.to_scale[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, style_BCHW: Tensor, mask_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Make the modulation parameters.

        Args:
            style_BCHW: Features that carry the style.
            mask_B1HW: Soft mask of the item at the features' size, in [0, 1].

        Returns:
            Scale (0 leaves the features as they are) and shift, (B, num_out, H, W) each.
        """
        pooled_BCHW = masked_average_pool(style_BCHW, mask_B1HW)
        texture_BCHW = style_BCHW - pooled_BCHW if self.scale_from == "deviation" else pooled_BCHW
        return self.to_scale(texture_BCHW), self.to_shift(pooled_BCHW)


class PixelInteraction(nn.Module):
    r"""What two layers do to each other at one pixel, beyond what each does alone (ours, not in the slides).

    .. math:: g(f, b) = h(f, b) - h(0, b) - h(f, 0) + h(0, 0)

    with :math:`h` three convolutions of 1 x 1. It is zero wherever either source is air, whatever was learnt.

    Args:
        num_each: Channels of each source.
        hidden: Channels between the convolutions.
        num_out: Channels that go out; zero at first.
    """

    def __init__(self, num_each: int, hidden: int, num_out: int) -> None:
        super().__init__()
        last = nn.Conv2d(hidden, num_out, kernel_size=1, bias=False)
        nn.init.zeros_(last.weight)
        self.layers = nn.Sequential(
            nn.Conv2d(2 * num_each, hidden, kernel_size=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(hidden, hidden, kernel_size=1),
            nn.LeakyReLU(0.2),
            last,
        )

    def forward(self, item_BCHW: Tensor, bag_BCHW: Tensor) -> Tensor:
        """Give the interaction.

        Args:
            item_BCHW: Attenuation of the item, 0 for air.
            bag_BCHW: Attenuation of the bag, same shape.

        Returns:
            Interaction, (B, num_out, H, W).
        """
        none_BCHW = torch.zeros_like(item_BCHW)
        pairs = ((item_BCHW, bag_BCHW), (none_BCHW, bag_BCHW), (item_BCHW, none_BCHW))
        both_BCHW, bag_alone_BCHW, item_alone_BCHW = (self.layers(torch.cat(pair, dim=1)) for pair in pairs)
        nothing_BC11 = self.layers(torch.cat([none_BCHW, none_BCHW], dim=1)[:1, :, :1, :1])
        return both_BCHW - bag_alone_BCHW - item_alone_BCHW + nothing_BC11


class RwscModule(nn.Module):
    r"""Fuse item and bag features region by region (Figure 3).

    .. math:: y = (1 + \gamma)\,\hat x + \beta

    with :math:`\hat x` normalised inside and outside the item apart, :math:`\gamma` and :math:`\beta` from
    `RegionStyle`. The slides do not say which tensors are content and which style. "both" takes them from
    both sources, since in the overlap the appearance depends on item and bag alike; "item" lets the item
    restyle the bag, "bag" the bag the item.

    Args:
        channels: Channels of each source's features, and of the result.
        hidden: Channels inside `RegionStyle`.
        style_source: "both", "item" or "bag".
        scale_from: See `RegionStyle`.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int,
        style_source: Literal["both", "item", "bag"] = "both",
        scale_from: Literal["deviation", "pooled"] = "deviation",
    ) -> None:
        super().__init__()
        self.style_source = style_source
        num_style = 2 * channels if style_source == "both" else channels
        self.mix = nn.Conv2d(num_style, channels, kernel_size=1) if style_source == "both" else nn.Identity()
        self.style = RegionStyle(num_style, channels, hidden=hidden, scale_from=scale_from)

    def forward(self, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor) -> Tensor:
        """Fuse the features of one scale.

        Args:
            item_BCHW: Features of the item on air.
            bag_BCHW: Features of the bag.
            mask_B1HW: Soft mask of the item, of any size; brought to the features' size by area.

        Returns:
            Fused features, of the same shape.
        """
        mask_B1HW = F.interpolate(mask_B1HW, size=bag_BCHW.shape[-2:], mode="area")
        if self.style_source == "both":
            content_BCHW = style_BCHW = torch.cat([item_BCHW, bag_BCHW], dim=1)
        elif self.style_source == "item":
            content_BCHW, style_BCHW = bag_BCHW, item_BCHW
        else:
            content_BCHW, style_BCHW = item_BCHW, bag_BCHW
        scale_BCHW, shift_BCHW = self.style(style_BCHW, mask_B1HW)
        return (1 + scale_BCHW) * normalise_regions(self.mix(content_BCHW), mask_B1HW) + shift_BCHW


def laplacian(x_BCHW: Tensor) -> Tensor:
    """Apply the four-neighbour Laplacian to each channel, repeating the rim.

    Args:
        x_BCHW: Images or features, in any range.

    Returns:
        Sum of the four neighbours less four times the centre; zero where the image is flat or a plane.
    """
    padded_BCHW = F.pad(x_BCHW, (1, 1, 1, 1), mode="replicate")
    rows_BCHW = padded_BCHW[..., :-2, 1:-1] + padded_BCHW[..., 2:, 1:-1]
    columns_BCHW = padded_BCHW[..., 1:-1, :-2] + padded_BCHW[..., 1:-1, 2:]
    return rows_BCHW + columns_BCHW - 4 * x_BCHW


def laplacian_sharpen(transmission_BCHW: Tensor, *, strength: float) -> Tensor:
    """Make edges crisper by taking away a share of the Laplacian (the operation named in Figure 2).

    Args:
        transmission_BCHW: Transmission, in [0, 1].
        strength: Share to take away, at least 0; 0 changes nothing, above 0.3 halos show.

    Returns:
        Transmission clipped to [0, 1], of the same shape.
    """
    if strength == 0:
        return transmission_BCHW
    return (transmission_BCHW - strength * laplacian(transmission_BCHW)).clamp(0, 1)
