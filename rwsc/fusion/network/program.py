"""The fusion network as a program of torch.export, to be run without rwsc."""

import io

import torch
from torch import Tensor
from torch.export import Dim

from rwsc.fusion.network.network import RwscNetwork

SUFFIX = ".pt2"
"""What files of exported programs end in."""

MAX_SIDE_PX = 8192
MAX_BATCH = 1024

_TRACED = (2, 64, 96)
_SEED = 0


def export_program(network: RwscNetwork) -> bytes:
    """Export a network; `torch.export.load` reads what comes out, and its module takes what `RwscNetwork` takes.

    Batches of any size up to `MAX_BATCH` go through it, of any height and width up to `MAX_SIDE_PX` that are
    multiples of the network's `stride_px`; the network itself pads others, a program has to be given whole ones.

    Args:
        network: The network; it is put into evaluation mode, on the CPU.

    Returns:
        Bytes of a ``.pt2`` file.
    """
    stride = network.stride_px
    height, width = (stride * Dim(name, min=2, max=MAX_SIDE_PX // stride) for name in ("rows", "columns"))
    dynamic = {0: Dim("batch", min=1, max=MAX_BATCH), 2: height, 3: width}
    program = torch.export.export(
        network.cpu().eval(), draw_inputs(*_TRACED), dynamic_shapes=(dynamic, dynamic, dynamic)
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def largest_difference(network: RwscNetwork, program: bytes) -> float:
    """Run a network and its exported program on the same made-up inputs, an empty mask among them.

    Args:
        network: The network, in evaluation mode on the CPU.
        program: What `export_program` gave.

    Returns:
        Largest absolute difference of transmission, over several sizes.
    """
    module = torch.export.load(io.BytesIO(program)).module()
    stride = network.stride_px
    differences = []
    for batch, rows, columns in ((1, 10, 11), (3, 32, 16), (2, 16, 24)):
        item, bag, mask = draw_inputs(batch, stride * rows, stride * columns)
        for each in (mask, torch.zeros_like(mask)):
            with torch.inference_mode():
                differences.append(float((module(item, bag, each) - network(item, bag, each)).abs().max()))
    return max(differences)


def draw_inputs(batch: int, height_px: int, width_px: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw inputs: smooth bags, and items that cover a third or so, float32, the same each time.

    Args:
        batch: Number of pairs.
        height_px: Height.
        width_px: Width.

    Returns:
        Item, bag (B, 3, H, W) and mask (B, 1, H, W), all in [0, 1].
    """
    draw = torch.Generator().manual_seed(_SEED)

    def smooth(channels: int) -> Tensor:
        coarse = torch.rand(batch, channels, 6, 6, generator=draw)
        return torch.nn.functional.interpolate(
            coarse, (height_px, width_px), mode="bilinear", align_corners=False
        )

    mask_B1HW = (smooth(1) > 0.55).float()
    item_BCHW = 1 - mask_B1HW * (1 - (0.05 + 0.9 * smooth(3)))
    return item_BCHW, 0.05 + 0.95 * smooth(3), mask_B1HW
