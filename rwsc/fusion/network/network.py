"""The RWSC network: two encoders, edge attention, fusion at every scale and a decoder."""

# B batch, C channels, H height, W width. Images are transmissions: 1 is air, 0 lets nothing through.

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rwsc.fusion.network.blocks import (
    EdgeAttention,
    PixelInteraction,
    RwscModule,
    conv3x3,
    laplacian,
    laplacian_sharpen,
)
from rwsc.fusion.network.config import NetworkConfig, named_config

__all__ = ["NetworkConfig", "RwscNetwork", "luma", "named_config"]

_FEATURE_FLOOR = 1e-2
_SLOPE = 0.2
_LUMA = (0.299, 0.587, 0.114)


def luma(x_BCHW: Tensor) -> Tensor:
    """Give the brightness of colour images (Rec. 601 weights on the values as they are).

    Args:
        x_BCHW: Images of three channels in the order red, green, blue, or of one.

    Returns:
        Brightness, (B, 1, H, W), in the images' range.
    """
    if x_BCHW.shape[1] == 1:
        return x_BCHW
    red_BHW, green_BHW, blue_BHW = x_BCHW.unbind(dim=1)
    return (_LUMA[0] * red_BHW + _LUMA[1] * green_BHW + _LUMA[2] * blue_BHW).unsqueeze(1)


class EncoderStage(nn.Sequential):
    """Two convolutions without bias or normalisation, so that air, which enters as zero, has no features.

    Instance normalisation would take away the level of the whole picture, which is what the output must
    reproduce, and would make the code of an item depend on how much air surrounds it.

    Args:
        num_in: Channels that come in.
        num_out: Channels that go out.
        stride: 1 keeps the size, 2 halves it.
    """

    def __init__(self, num_in: int, num_out: int, *, stride: int) -> None:
        super().__init__(
            conv3x3(num_in, num_out, stride=stride, bias=False),
            nn.LeakyReLU(_SLOPE),
            conv3x3(num_out, num_out, bias=False),
            nn.LeakyReLU(_SLOPE),
        )


class DecoderStage(nn.Module):
    """Double the size of deep features and merge them with those of the finer scale.

    Args:
        num_deep: Channels of the deep features.
        num_skip: Channels of the finer scale's features.
        num_out: Channels that go out.
    """

    def __init__(self, num_deep: int, num_skip: int, num_out: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(num_deep, num_out, kernel_size=1)
        self.merge = conv3x3(num_out + num_skip, num_out)
        self.activation = nn.LeakyReLU(_SLOPE)

    def forward(self, deep_BCHW: Tensor, skip_BCHW: Tensor) -> Tensor:
        """Give merged features at the size of `skip_BCHW`."""
        # Narrowing first is the same map as narrowing after the interpolation, at a quarter of the cost.
        up_BCHW = F.interpolate(
            self.narrow(deep_BCHW), size=skip_BCHW.shape[-2:], mode="bilinear", align_corners=False
        )
        return self.activation(self.merge(torch.cat([up_BCHW, skip_BCHW], dim=1)))


class RwscNetwork(nn.Module):
    """Region-wise style-controlled fusion of an item with a bag.

    A reconstruction: the slides fix edge attention and the roles of pooled and deviation maps; the statistics
    inside the fusion module, the encoders, the decoder, the residual on the product of transmissions and all
    sizes are chosen here. Nothing is drawn
    but the initial weights, so ``torch.manual_seed`` before construction fixes the network.

    With ``residual = "tip"`` a fresh network gives exactly the product of transmissions, hence the bag itself
    for an item of air. Air has no features in a trained network either, but that the result is then the bag
    is what the reconstruction loss asks for, not a law.

    Args:
        config: What the network is made of.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.stage_channels
        self.stride_px = 2 ** (len(channels) - 1)
        self.first_stage = EncoderStage(3, channels[0], stride=1)
        self.item_stages = _encoder_tail(channels)
        self.bag_stages = _encoder_tail(channels)
        self.edge_attention = EdgeAttention(
            config.ea_kernel,
            sign=config.ea_sign,
            residual=config.ea_residual,
            temperature=config.ea_temperature,
        )
        self.fusion = nn.ModuleList(_fusion_module(config, count) for count in channels)
        self.decoder = nn.ModuleList(_decoder(config))
        self.head = conv3x3(channels[0], 3)
        self._initialise()
        # Last, so that the first weights of the others do not depend on it.
        self.pixels = PixelInteraction(3, config.pixel_channels, 3) if config.pixel_channels else None

    def _initialise(self) -> None:
        for module in [self.first_stage, *self.item_stages, *self.bag_stages]:
            for layer in module:
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_uniform_(layer.weight, a=_SLOPE)
        if self.config.residual == "tip":
            for parameter in self.head.parameters():
                nn.init.zeros_(parameter)

    def forward(self, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor) -> Tensor:
        """Fuse items with bags.

        Args:
            item_BCHW: Transmission of the item on air, three channels, in [0, 1]; 1 off the item.
            bag_BCHW: Transmission of the bag, same shape. Height and width may be anything.
            mask_B1HW: Soft mask of the item, in [0, 1]; an empty one is legal.

        Returns:
            Transmission of both together, in [0, 1], same shape.

        Raises:
            ValueError: Shapes that do not fit together, or other than three channels.
        """
        _check_shapes(item_BCHW, bag_BCHW, mask_B1HW)
        height, width = bag_BCHW.shape[-2:]
        mask_B1HW = mask_B1HW.to(bag_BCHW.dtype)
        padded = [_pad_to_multiple(x, self.stride_px) for x in (item_BCHW, bag_BCHW, mask_B1HW)]
        logits_BCHW = self._decode(self._fuse_scales(*padded))[..., :height, :width]
        if self.pixels is not None:
            logits_BCHW = logits_BCHW + self.pixels(_attenuation(item_BCHW), _attenuation(bag_BCHW))
        fused_BCHW = self._to_transmission(logits_BCHW.to(bag_BCHW.dtype), item_BCHW * bag_BCHW)
        if self.config.sharpen == "output":
            return laplacian_sharpen(fused_BCHW, strength=self.config.sharpen_strength)
        return fused_BCHW

    def encode(self, transmission_BCHW: Tensor, *, is_item: bool) -> list[Tensor]:
        """Give the features of one source after edge attention, finest scale first.

        Args:
            transmission_BCHW: Transmission in [0, 1], height and width multiples of `stride_px`.
            is_item: Whether the item's encoder is meant, or the bag's. Both begin with the same stage.

        Returns:
            A tensor per scale; all zero for air.
        """
        if self.config.sharpen == "inputs":
            transmission_BCHW = laplacian_sharpen(transmission_BCHW, strength=self.config.sharpen_strength)
        feature_BCHW = self.first_stage(_attenuation(transmission_BCHW))
        features = [feature_BCHW]
        for stage in self.item_stages if is_item else self.bag_stages:
            feature_BCHW = stage(feature_BCHW)
            features.append(feature_BCHW)
        if not self.config.edge_attention:
            return features
        return [self._attend(feature, transmission_BCHW) for feature in features]

    def _attend(self, feature_BCHW: Tensor, transmission_BCHW: Tensor) -> Tensor:
        if self.config.sharpen != "edge_branch":
            return self.edge_attention(feature_BCHW)
        edge_B1HW = self.config.sharpen_strength * laplacian(luma(transmission_BCHW)).abs()
        edge_B1HW = F.interpolate(edge_B1HW, size=feature_BCHW.shape[-2:], mode="area")
        return self.edge_attention(feature_BCHW, edge_B1HW=edge_B1HW)

    def _fuse_scales(self, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor) -> list[Tensor]:
        """Give what the decoder sees, finest scale first."""
        item_features = self.encode(item_BCHW, is_item=True)
        bag_features = self.encode(bag_BCHW, is_item=False)
        fused = [
            module(item, bag, mask_B1HW)
            for module, item, bag in zip(self.fusion, item_features, bag_features, strict=True)
        ]
        if self.config.copy_sources:
            fused[0] = torch.cat([fused[0], item_features[0], bag_features[0]], dim=1)
        return fused

    def _decode(self, features: list[Tensor]) -> Tensor:
        deep_BCHW = features[-1]
        for stage, skip_BCHW in zip(self.decoder, reversed(features[:-1]), strict=True):
            deep_BCHW = stage(deep_BCHW, skip_BCHW)
        return self.head(deep_BCHW)

    def _to_transmission(self, logits_BCHW: Tensor, tip_BCHW: Tensor) -> Tensor:
        if self.config.residual == "none":
            # What the decoder gives is attenuation, in which sources add up, and 1, air, can be reached.
            return torch.exp(-logits_BCHW).clamp(max=1)
        # A smooth clip: a hard one would leave pixels at the limit without a gradient.
        limit = self.config.residual_limit
        change_BCHW = limit * torch.tanh(logits_BCHW / limit)
        return (tip_BCHW * torch.exp(change_BCHW)).clamp(0, 1)


def _attenuation(transmission_BCHW: Tensor) -> Tensor:
    return -transmission_BCHW.clamp_min(_FEATURE_FLOOR).log()


def _encoder_tail(channels: tuple[int, ...]) -> nn.ModuleList:
    """Make the stages of one encoder after the shared first one."""
    return nn.ModuleList(
        EncoderStage(num_in, num_out, stride=2) for num_in, num_out in itertools.pairwise(channels)
    )


def _fusion_module(config: NetworkConfig, channels: int) -> RwscModule:
    return RwscModule(
        channels,
        hidden=config.hidden_channels,
        style_source=config.style_source,
        scale_from="deviation" if config.rwsc == "full" else "pooled",
    )


def _decoder(config: NetworkConfig) -> list[DecoderStage]:
    """Make the decoder's stages, coarsest first."""
    channels = config.stage_channels
    stages = [DecoderStage(channels[i + 1], channels[i], channels[i]) for i in range(len(channels) - 1)]
    if config.copy_sources:
        stages[0] = DecoderStage(channels[1], 3 * channels[0], channels[0])
    return stages[::-1]


def _pad_to_multiple(x_BCHW: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until height and width are multiples."""
    height, width = x_BCHW.shape[-2:]
    return F.pad(x_BCHW, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def _check_shapes(item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor) -> None:
    if bag_BCHW.ndim != 4 or bag_BCHW.shape[1] != 3:
        raise ValueError(f"a bag is (B, 3, H, W), not {tuple(bag_BCHW.shape)}")
    if item_BCHW.shape != bag_BCHW.shape:
        raise ValueError(
            f"item and bag differ in shape: {tuple(item_BCHW.shape)} and {tuple(bag_BCHW.shape)}"
        )
    expected = (bag_BCHW.shape[0], 1, *bag_BCHW.shape[-2:])
    if tuple(mask_B1HW.shape) != expected:
        raise ValueError(f"the mask is {tuple(mask_B1HW.shape)}, the images need {expected}")
