"""Settings of the RWSC network, readable without loading torch."""

from typing import Annotated, Any, Literal

from pydantic import Field

from rwsc.config import Settings

SizeName = Literal["tiny", "base"]

# The upper ends keep a card that nobody checked from asking for more memory than a machine has.
_Channels = Annotated[int, Field(ge=1, le=1024)]


class NetworkConfig(Settings):
    """What the RWSC network is made of; two networks with equal settings have tensors of equal shapes.

    The slides fix edge attention (equation 5) and the roles of pooled and deviation maps. Everything else
    here is reconstruction: the slides give no layer counts, widths, skip connections or kernel sizes.
    """

    size: str = Field(default="custom", max_length=40)
    """Name of the size, for people; changes nothing."""

    stage_channels: tuple[_Channels, ...] = Field(default=(16, 32, 64), min_length=2, max_length=6)
    """Feature channels of each scale, finest first; every further scale halves height and width."""

    hidden_channels: int = Field(default=32, ge=1, le=512)
    """Channels between the two convolutions that make shift and scale."""

    edge_attention: bool = True
    """Whether edge attention weighs the features of both sources; off in the ablation of Table 1."""

    ea_kernel: Literal[3, 5, 7] = 3
    """Side of edge attention's average pooling, in feature cells. Not given in the slides."""

    ea_sign: Literal["slide", "flipped"] = "slide"
    """The difference that edge attention sees: AP2D(F) - F as in the slide, or F - AP2D(F)."""

    ea_residual: bool = False
    """Whether edge attention gives F + w*F instead of the slide's w*F."""

    ea_temperature: float = Field(default=1.0, gt=0, le=1e3)
    """Divides the difference before the sigmoid; below 1 sharpens the attention. 1 in the slide."""

    rwsc: Literal["full", "pooled_only"] = "full"
    """Where the scale comes from: deviation maps, or mask average pooling like the shift (Figure 7)."""

    style_source: Literal["both", "item", "bag"] = "both"
    """Whose features make shift and scale; with one source, the other one is what gets modulated."""

    residual: Literal["tip", "none"] = "tip"
    """tip: predict a log-residual on the product of transmissions; none: predict attenuation itself."""

    residual_limit: float = Field(default=0.5, gt=0, le=5)
    """Largest change to the log of the product of transmissions that residual "tip" may make, in nepers. Colours
    of true scans differ from the product by up to 1.2: raise it to 1.5 to train on the truth of phantoms."""

    pixel_channels: int = Field(default=0, ge=0, le=256)
    """Channels of a branch that sees each pixel of both sources by itself and adds to what the head gives; 0 leaves
    it out. Not in the slides: how the colours of two layers go together is a matter of the pixel alone, and this
    branch learns it from the truth of phantoms in fewer steps than the convolutions do. 32 is enough."""

    copy_sources: bool = True
    """Whether the last decoder stage also sees both sources' features as they are before normalisation."""

    sharpen: Literal["none", "inputs", "output", "edge_branch"] = "output"
    """Where Laplacian sharpening acts: on what the encoders see, on the result, or on edge attention."""

    sharpen_strength: float = Field(default=0.0, ge=0, le=1)
    """Share of the Laplacian that is taken away, or added to edge attention; 0 switches sharpening off."""


_SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"stage_channels": (16, 32, 64), "hidden_channels": 32},
    "base": {"stage_channels": (48, 96, 192, 384), "hidden_channels": 128},
}


def named_config(name: SizeName, **changes: Any) -> NetworkConfig:  # noqa: ANN401 - checked by the model
    """Give the settings of a named size.

    Args:
        name: "tiny" for a CPU, "base" for a GPU.
        **changes: Fields of `NetworkConfig` that differ, such as ``edge_attention=False`` in an ablation.

    Returns:
        Checked settings.

    Raises:
        ValueError: An unknown name, or a change that `NetworkConfig` refuses.

    Example:
        >>> named_config("tiny", edge_attention=False).stage_channels
        (16, 32, 64)
    """
    if name not in _SIZES:
        raise ValueError(f"there is no network size {name!r}; choose one of {', '.join(_SIZES)}")
    return NetworkConfig(**{"size": name, **_SIZES[name], **changes})
