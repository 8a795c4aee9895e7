"""Look at the machine: versions, storage, disk, GPUs, Ray."""

import importlib.metadata
import platform
import shutil
from pathlib import Path
from typing import Any

from rwsc.errors import RwscError
from rwsc.runs.session import start_ray
from rwsc.storage.prefix import Prefix

PACKAGES = ("rwsc", "ray", "torch", "pyarrow", "obstore", "s3fs", "numpy", "opencv-python-headless")
LEAST_FREE_GIB = 2.0


def examine(storage: list[str]) -> list[dict[str, Any]]:
    """Run every check.

    Args:
        storage: Folders that must be writable, local or s3://.

    Returns:
        One record per check: ``name``, ``ok`` and ``found``.
    """
    versions = [_version(name) for name in PACKAGES]
    return [
        _check("python", True, platform.python_version()),
        *versions,
        _disk(),
        *(_storage(uri) for uri in storage),
        _gpu(),
        _ray(),
    ]


def _check(name: str, ok: bool, found: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "found": found}


def _version(name: str) -> dict[str, Any]:
    try:
        return _check(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return _check(name, False, "is not installed")


def _disk() -> dict[str, Any]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return _check("disk", free >= LEAST_FREE_GIB, f"{free:.1f} GiB free in the current folder")


def _storage(uri: str) -> dict[str, Any]:
    try:
        Prefix(uri).check_writable()
    except RwscError as error:
        return _check("storage", False, f"{error.message}; {error.remedy}".rstrip("; "))
    return _check("storage", True, f"{uri} can be written, read and deleted")


def _gpu() -> dict[str, Any]:
    import torch

    if not torch.cuda.is_available():
        return _check("gpu", True, "none; training and fusion run on the CPU")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return _check("gpu", True, ", ".join(names))


def _ray() -> dict[str, Any]:
    import ray

    try:
        start_ray()
        found = ray.cluster_resources()
    except Exception as error:  # noqa: BLE001 - whatever keeps Ray from starting is the finding
        return _check("ray cluster", False, f"{type(error).__name__}: {error}".splitlines()[0])
    memory = found.get("memory", 0) / 2**30
    return _check(
        "ray cluster", True, f"{found.get('CPU', 0):g} CPUs, {found.get('GPU', 0):g} GPUs, {memory:.0f} GiB"
    )
