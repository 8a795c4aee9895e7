"""The outliner's weights as a small file: eight bits a weight, sixteen for the rest."""

import torch
from safetensors.torch import load, save
from torch import Tensor

_SCALE = ".scale"
_STEPS = 127


def pack(state: dict[str, Tensor]) -> bytes:
    """Write the state of an `OutlinerNetwork` as safetensors.

    The weights of each output channel are whole multiples, from -127 to 127, of a step of their own, which stands
    under the weight's name with `.scale` behind it; vectors are kept as 16-bit floats.

    Args:
        state: What `state_dict` gives.

    Returns:
        The file: a little over a byte for a weight.
    """
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        if value.dim() < 2:
            packed[name] = (value.half() if value.is_floating_point() else value).contiguous()
            continue
        step = value.abs().amax(dim=tuple(range(1, value.dim())), keepdim=True).clamp(min=1e-12) / _STEPS
        packed[name] = (value / step).round().to(torch.int8).contiguous()
        packed[name + _SCALE] = step.float().contiguous()
    return save(packed)


def unpack(data: bytes) -> dict[str, Tensor]:
    """Read what `pack` wrote.

    Args:
        data: The file.

    Returns:
        A state for `load_state_dict`, of 32-bit floats.
    """
    packed = load(data)
    state = {name: value.float() for name, value in packed.items() if not name.endswith(_SCALE)}
    for name, step in packed.items():
        if name.endswith(_SCALE):
            state[name.removesuffix(_SCALE)] *= step
    return state
