"""The training losses: luminance in logarithmic form, saturation and reconstruction; and, of ours, the truth."""

# B batch, C channels, H height, W width. Images are transmissions: 1 is air, 0 lets nothing through.
#
# Every term is a mean over the pixels of one image, then over the images of a batch. Batches of equal length
# on several workers therefore average to exactly what one large batch gives.

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from pydantic import Field, model_validator
from torch import Tensor

from rwsc.config import Settings
from rwsc.fusion.network.network import luma
from rwsc.training.statistics import correlation, local_mean, overlap, saturation, weighted_mean

FuseCall = Callable[[Tensor, Tensor, Tensor], Tensor]


class Loss(Protocol):
    """Judges fused images; `FusionLoss` says what its arguments are."""

    def __call__(
        self,
        fused_BCHW: Tensor,
        item_BCHW: Tensor,
        bag_BCHW: Tensor,
        mask_B1HW: Tensor,
        *,
        network: FuseCall | None = None,
        truth_BCHW: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Give the scalar "total", by which checkpoints are chosen, and its parts."""


class LossConfig(Settings):
    """How a fused image is judged: without a ground truth as in the slides, and with it where phantoms give one.

    The slides name the first three terms and the law behind the first of them; norms, windows and weights are
    chosen here. They train without any truth: the fourth term, `truth`, is ours.
    """

    a1: float = Field(default=1.0, ge=0, le=1e6)
    """Weight of the luminance loss (LL); 0 switches it off."""

    a2: float = Field(default=0.1, ge=0, le=1e6)
    """Weight of the saturation loss (CSD); 0 switches it off. Not in the slides; see infra/decisions/0004."""

    a3: float = Field(default=10.0, ge=0, le=1e6)
    """Weight of the reconstruction loss; 0 switches it off."""

    truth: float = Field(default=0.0, ge=0, le=1e6)
    """Weight of the error against the true scan; 0 switches it off. Ours, not in the slides: it needs phantoms,
    whose true scan is known."""

    w1: float = Field(default=1.0, ge=0, le=2)
    """Exponent of the item in the luminance aimed at; w1 = w2 = 1 is physics, w1 + w2 = 1 an average."""

    w2: float = Field(default=1.0, ge=0, le=2)
    """Exponent of the bag in the overlap; goes to 1 with the mask's soft rim, where the bag continues."""

    luminance_floor: float = Field(default=1e-2, gt=0, lt=1)
    """Transmission added before logarithms, so that black is finite and metal does not dominate."""

    reconstruction: Literal["masked", "autoencode", "both"] = "masked"
    """masked: the bag off the item, the item over air; autoencode: each source comes back when fused with
    air, at the cost of a second pass; both: the sum."""

    item_reconstruction: float = Field(default=1.0, ge=0, le=1e6)
    """Weight of the item over air inside the masked reconstruction loss."""

    air_threshold: float = Field(default=0.95, gt=0, le=1)
    """Luminance of the bag, as transmission, from which on a pixel is air; 0.95 is an attenuation of 0.05."""

    @model_validator(mode="after")
    def _something_counts(self) -> "LossConfig":
        if not self.a1 + self.a2 + self.a3 + self.truth:
            raise ValueError("a1, a2, a3 and truth are all 0: there is nothing to train on")
        return self


class FusionLoss:
    r"""The weighted sum of the losses.

    The slides name the first three and give neither the sum nor its weights: most likely it is their equation 11,
    which has no truth.

    .. math:: L = a_1 L_{LL} + a_2 L_{CSD} + a_3 L_{recon} + a_t L_{truth}

    Args:
        config: Weights and choices.
    """

    def __init__(self, config: LossConfig) -> None:
        self.config = config

    def __call__(
        self,
        fused_BCHW: Tensor,
        item_BCHW: Tensor,
        bag_BCHW: Tensor,
        mask_B1HW: Tensor,
        *,
        network: FuseCall | None = None,
        truth_BCHW: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Judge a batch of fused images.

        Args:
            fused_BCHW: What the network made, in [0, 1].
            item_BCHW: Transmission of the item on air, in [0, 1].
            bag_BCHW: Transmission of the bag, in [0, 1].
            mask_B1HW: Soft mask of the item, in [0, 1]; may be empty.
            network: Fuses (item, bag, mask); only the "autoencode" and "both" reconstructions call it, once.
            truth_BCHW: The true transmission of both together where it is known, in [0, 1].

        Returns:
            Scalars "total", "ll", "csd" in [0, 2], "recon" and, where the truth is known, "truth", all
            finite. The terms come unweighted. One whose weight is 0 is still measured, but is no part
            of the total and has no gradient.

        Raises:
            ValueError: The reconstruction needs the network, or the weight of the truth a truth, and there is none.
        """
        sources = (item_BCHW, bag_BCHW, mask_B1HW.to(bag_BCHW.dtype))
        config = self.config
        with _gradient_if(config.a1):
            ll = luminance_loss(fused_BCHW, *sources, config=config).mean()
        with _gradient_if(config.a2):
            csd = saturation_loss(fused_BCHW, *sources, config=config).mean()
        with _gradient_if(config.a3):
            recon = self._reconstruction(fused_BCHW, *sources, network=network).mean()
        total = config.a1 * ll + config.a2 * csd + config.a3 * recon
        found = {"total": total, "ll": ll, "csd": csd, "recon": recon}
        if truth_BCHW is None:
            if config.truth:
                raise ValueError("a loss with a weight for the truth needs the truth")
            return found
        with _gradient_if(config.truth):
            truth = truth_loss(fused_BCHW, truth_BCHW, sources[2]).mean()
        return {**found, "total": total + config.truth * truth, "truth": truth}

    def _reconstruction(
        self,
        fused_BCHW: Tensor,
        item_BCHW: Tensor,
        bag_BCHW: Tensor,
        mask_B1HW: Tensor,
        *,
        network: FuseCall | None,
    ) -> Tensor:
        kind = self.config.reconstruction
        loss_B = fused_BCHW.new_zeros(fused_BCHW.shape[0])
        if kind != "autoencode":
            loss_B = loss_B + masked_reconstruction(
                fused_BCHW, item_BCHW, bag_BCHW, mask_B1HW, config=self.config
            )
        if kind != "masked":
            if network is None:
                raise ValueError(f"the {kind!r} reconstruction fuses again and needs the network")
            loss_B = loss_B + autoencoded_reconstruction(network, item_BCHW, bag_BCHW, mask_B1HW)
        return loss_B


def luminance_loss(
    fused_BCHW: Tensor, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor, *, config: LossConfig
) -> Tensor:
    r"""Compare local means of luminance with the weighted product (LL; most likely equations 6 to 8).

    .. math:: L_{LL} = \Big\langle \big| \log(\mu_{fb} + e) - \log(\mu_f^{w_1} \mu_b^{w_2} + e) \big|
        \Big\rangle_{overlap}

    The slides give the law, that local means converge to the weighted product, and the logarithm; the norm
    and the window are chosen here. The constant :math:`e` is added to the product, not to each factor:
    otherwise the aim in dense places would lie below the product itself.

    Args:
        fused_BCHW: What the network made, in [0, 1].
        item_BCHW: Transmission of the item on air.
        bag_BCHW: Transmission of the bag.
        mask_B1HW: Soft mask of the item, in [0, 1].
        config: Exponents, floor and what counts as air.

    Returns:
        A loss per image in [0, log(1 + 1/e)], (B,); 0 where item and bag do not overlap.
    """
    fused_B1HW, item_B1HW, bag_B1HW = (local_mean(luma(x)) for x in (fused_BCHW, item_BCHW, bag_BCHW))
    bag_exponent_B1HW = 1 + mask_B1HW * (config.w2 - 1)
    aim_B1HW = torch.exp(config.w1 * _log(item_B1HW) + bag_exponent_B1HW * _log(bag_B1HW))
    floor = config.luminance_floor
    gap_B1HW = torch.log(fused_B1HW.clamp_min(0) + floor) - torch.log(aim_B1HW + floor)
    return weighted_mean(gap_B1HW.abs(), overlap(bag_BCHW, mask_B1HW, air_threshold=config.air_threshold))


def saturation_loss(
    fused_BCHW: Tensor, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor, *, config: LossConfig
) -> Tensor:
    r"""Ask that each source explain what the other left of the saturation (CSD; most likely equation 9).

    .. math:: L_{CSD} = 1 - \tfrac12 \big[ \rho(S_{fb} - S_b,\, S_f) + \rho(S_{fb} - S_f,\, S_b) \big]

    with :math:`\rho` Pearson's correlation over the overlap. The slides give the name alone; the form follows
    the fusion metric "sum of the correlations of differences". For layers of one hue the product of
    transmissions scores below an opaque paste; for layers of different hues it need not, which speaks for a
    small weight.

    Args:
        fused_BCHW: What the network made, in [0, 1].
        item_BCHW: Transmission of the item on air.
        bag_BCHW: Transmission of the bag.
        mask_B1HW: Soft mask of the item, in [0, 1].
        config: What counts as air.

    Returns:
        A loss per image in [0, 2], (B,); 0 where item and bag do not overlap, 1 where nothing varies, as in
        gray images.

    Reference:
        Aslantas and Bendes, A new image quality metric for image fusion: the sum of the correlations of
        differences, 2015.
    """
    weight_B1HW = overlap(bag_BCHW, mask_B1HW, air_threshold=config.air_threshold)
    fused_B1HW, item_B1HW, bag_B1HW = (saturation(x) for x in (fused_BCHW, item_BCHW, bag_BCHW))
    item_share_B = correlation(fused_B1HW - bag_B1HW, item_B1HW, weight_B1HW=weight_B1HW)
    bag_share_B = correlation(fused_B1HW - item_B1HW, bag_B1HW, weight_B1HW=weight_B1HW)
    has_overlap_B = (weight_B1HW.sum(dim=(1, 2, 3)) > 0).to(fused_BCHW.dtype)
    return has_overlap_B * (1 - 0.5 * (item_share_B + bag_share_B))


def masked_reconstruction(
    fused_BCHW: Tensor, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor, *, config: LossConfig
) -> Tensor:
    r"""Ask for the bag where there is no item, and for the item where there is no bag (most likely equation 10).

    .. math:: L_{recon} = \langle |t_{fb} - t_b| \rangle_{1 - M^+}
        + \lambda_i \langle |t_{fb} - t_f| \rangle_{M^+ \wedge air}

    That both sources are reconstructed is in the slides, how is not.

    Args:
        fused_BCHW: What the network made, in [0, 1].
        item_BCHW: Transmission of the item on air.
        bag_BCHW: Transmission of the bag.
        mask_B1HW: Soft mask of the item, in [0, 1].
        config: Weight of the second term and what counts as air.

    Returns:
        A loss per image in [0, 1 + weight of the second term], (B,).
    """
    over_air_B1HW = mask_B1HW - overlap(bag_BCHW, mask_B1HW, air_threshold=config.air_threshold)
    bag_error_B = weighted_mean((fused_BCHW - bag_BCHW).abs(), 1 - mask_B1HW)
    item_error_B = weighted_mean((fused_BCHW - item_BCHW).abs(), over_air_B1HW)
    return bag_error_B + config.item_reconstruction * item_error_B


def autoencoded_reconstruction(
    network: FuseCall, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor
) -> Tensor:
    """Ask that each source fused with air come back as it is.

    Args:
        network: Fuses (item, bag, mask); called once, with twice the images.
        item_BCHW: Transmission of the item on air.
        bag_BCHW: Transmission of the bag.
        mask_B1HW: Soft mask of the item, in [0, 1].

    Returns:
        Sum of the two mean absolute errors per image, in [0, 2], (B,).
    """
    air_BCHW = torch.ones_like(bag_BCHW)
    back_BCHW = network(
        torch.cat([item_BCHW, air_BCHW]),
        torch.cat([air_BCHW, bag_BCHW]),
        torch.cat([mask_B1HW, torch.zeros_like(mask_B1HW)]),
    )
    error_BCHW = (back_BCHW - torch.cat([item_BCHW, bag_BCHW])).abs()
    item_error_B, bag_error_B = error_BCHW.mean(dim=(1, 2, 3)).chunk(2)
    return item_error_B + bag_error_B


def truth_loss(fused_BCHW: Tensor, truth_BCHW: Tensor, mask_B1HW: Tensor) -> Tensor:
    r"""Compare with the true scan where the item lies: values, and steps between neighbours.

    .. math:: L_{truth} = \langle |t_{fb} - t^*| \rangle_M + \langle |\partial_x (t_{fb} - t^*)| \rangle_M
        + \langle |\partial_y (t_{fb} - t^*)| \rangle_M

    Ours: the slides know no truth. Off the item it asks for nothing, which is what the reconstruction loss is
    for. A step counts by the less covered of its two pixels.

    Args:
        fused_BCHW: What the network made, in [0, 1].
        truth_BCHW: The true transmission of item and bag together, in [0, 1].
        mask_B1HW: Soft mask of the item, in [0, 1].

    Returns:
        A loss per image in [0, 5], (B,); 0 without an item.
    """
    error_BCHW = fused_BCHW - truth_BCHW
    loss_B = weighted_mean(error_BCHW.abs(), mask_B1HW)
    for dim in (-1, -2):
        size = error_BCHW.shape[dim] - 1
        both_B1HW = torch.minimum(mask_B1HW.narrow(dim, 1, size), mask_B1HW.narrow(dim, 0, size))
        loss_B = loss_B + weighted_mean(error_BCHW.diff(dim=dim).abs(), both_B1HW)
    return loss_B


def _log(transmission: Tensor) -> Tensor:
    return transmission.clamp_min(1e-6).log()


def _gradient_if(weight: float) -> torch.set_grad_enabled:
    """Record gradients of a term only when it counts, and only where they are recorded anyway."""
    return torch.set_grad_enabled(weight > 0 and torch.is_grad_enabled())
