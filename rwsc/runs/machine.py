"""What figures were measured on."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

import rwsc


def describe_machine() -> dict[str, Any]:
    """Name processor, cores, GPU and versions, for a table of figures."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "rwsc": rwsc.__version__,
    }
