"""The state of training as safetensors: network, optimiser and step, without pickle."""

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from rwsc.errors import WeightsError

_OPTIMIZER = "adam."  # whichever it is: checkpoints are found by this name


def encode_state(model: nn.Module, optimizer: torch.optim.Optimizer, *, step: int) -> bytes:
    """Write a training state as safetensors bytes.

    Args:
        model: What learns, not wrapped: the network, with whatever is trained beside it.
        optimizer: Its optimiser.
        step: Steps done.

    Returns:
        Bytes that `restore_state` reads; random streams need no place in them, since every sample has its own.
    """
    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"{_OPTIMIZER}{index}.{name}"] = value.contiguous()
    tensors["step"] = torch.tensor(step)
    return save(tensors)


def restore_state(data: bytes, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> int:
    """Put a written state into a network and its optimiser.

    Args:
        data: Bytes of `encode_state`.
        model: What learns, of the same settings, not wrapped.
        optimizer: Its optimiser, or None to leave it out.

    Returns:
        Steps done.

    Raises:
        WeightsError: The bytes are damaged or belong to another network.
    """
    try:
        tensors = load(data)
        step = int(tensors["step"])
        model.load_state_dict(_under("model.", tensors))
    except (SafetensorError, RuntimeError, ValueError, KeyError) as error:
        first = str(error).splitlines()[0]
        raise WeightsError(
            f"the checkpoint does not fit this network: {first}",
            remedy="train into another folder, or delete the run's checkpoints",
        ) from None
    if optimizer is not None:
        _restore_optimizer(optimizer, _under(_OPTIMIZER, tensors))
    return step


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        index, moment = name.split(".", 1)
        state.setdefault(int(index), {})[moment] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
