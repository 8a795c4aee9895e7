"""Start Ray the same way for every command, and check what the cluster can hold before asking for it."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rwsc.errors import ResourceError, RwscError

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # With `uv run`, Ray would rebuild the environment for every worker.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    # A checkpoint counts once the controller has polled it; the default of 2 s can lose one to a crash.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray Data keeps an actor's arguments in the object store and Ray's core warns of it for every pool.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
"""Set before Ray is imported; what the user has set already stays."""

MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "536870912",
    "MALLOC_TOP_PAD_": "67108864",
}
"""How workers keep the memory they have, by settings of glibc that others ignore (decision 0025): Ray calls them in a
thread, whose large tensors glibc would give back to the system after every layer, and fetch again."""

SMALLEST_CPU_SHARE = 0.1
CPUS_LEFT_FREE = 0.25
"""Pools that take every CPU can hang a Ray Data job, so a little is left."""


def start_ray() -> None:
    """Connect to the cluster in RAY_ADDRESS, or start Ray on this machine; does nothing when it runs already.

    Left to itself, Ray would join any cluster that was last started on this machine, another program's too, and
    go down with it.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray
    import ray.data

    # Ray Data speaks of its plans on stderr; what a user wants to know of them, rwsc says itself.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS")
        memory = {name: value for name, value in MEMORY.items() if name not in os.environ}
        if not address:  # what is started here inherits it, which costs no worker a start of its own
            os.environ.update(memory)
        # The dashboard stays on: Ray Train queries it, and is slower and louder without.
        try:
            with _quiet_stderr():
                ray.init(
                    address or "local",
                    log_to_driver=False,
                    logging_level="error",
                    configure_logging=True,
                    runtime_env={"env_vars": memory} if address else None,
                )
        except Exception as error:  # noqa: BLE001 - of a machine too busy for it, Ray tells by a bare exception
            where = (
                f"cannot connect to the Ray cluster at {address}"
                if address
                else "cannot start Ray on this machine"
            )
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ResourceError(f"{where}: {first}", remedy="check RAY_ADDRESS, or run rwsc doctor") from None


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    # Ray's core announces its log level past Python's streams; what goes wrong comes as an exception.
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerPool:
    """How many workers, and what each of them asks the cluster for."""

    num_workers: int
    cpus_per_worker: float
    gpus_per_worker: float


def size_pool(workers: int | None, *, use_gpu: bool | None, cpus_beside_gpu: int = 1) -> WorkerPool:
    """Fit a pool of workers into the cluster.

    Args:
        workers: Workers asked for; None takes one per GPU where GPUs are used, else one per CPU.
        use_gpu: One GPU per worker; None uses GPUs when there are any (and enough for `workers`).
        cpus_beside_gpu: CPUs that a worker with a GPU gets at most; one without gets one at most.

    Returns:
        A pool that fits, with a little CPU left for Ray's own tasks.

    Raises:
        ResourceError: The cluster cannot hold it.
    """
    import ray

    cluster: dict[str, Any] = ray.cluster_resources()
    cpus, gpus = float(cluster.get("CPU", 0)), int(cluster.get("GPU", 0))
    if use_gpu is None:
        use_gpu = gpus >= (workers or 1)
    if use_gpu and gpus < (workers or 1):
        raise ResourceError(
            f"{workers or 1} workers want a GPU each, but the cluster has {gpus}",
            remedy="ask for fewer workers, or --device cpu",
        )
    number = workers or (gpus if use_gpu else max(1, int(cpus)))
    share = cpu_share(
        number,
        [float(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]],
        most=cpus_beside_gpu if use_gpu else 1,
    )
    if share < SMALLEST_CPU_SHARE:
        raise ResourceError(
            f"{number} workers do not fit on {cpus:g} CPUs",
            remedy=f"ask for at most {max(1, int((cpus - CPUS_LEFT_FREE) / SMALLEST_CPU_SHARE))} workers",
        )
    return WorkerPool(num_workers=number, cpus_per_worker=share, gpus_per_worker=1.0 if use_gpu else 0.0)


def cpu_share(number: int, node_cpus: list[float], *, most: int = 1) -> float:
    """Share the CPUs of a cluster out among workers, none of which can sit on two nodes.

    Args:
        number: Workers.
        node_cpus: CPUs of each node.
        most: CPUs that each gets at most.

    Returns:
        The largest number of whole CPUs, or, below one, of hundredths, of which the nodes hold that many; 0 when there
        is none.
    """
    free = [cpus - CPUS_LEFT_FREE / len(node_cpus) for cpus in node_cpus]
    for hundredths in (*range(100 * most, 100, -100), *range(100, 0, -1)):
        if sum(int(cpus * 100 / hundredths + 1e-9) for cpus in free if cpus > 0) >= number:
            return hundredths / 100
    return 0.0


def user_error(error: BaseException | None) -> RwscError | None:
    """Find the error a user can act on inside what Ray wrapped around it, or None."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, RwscError):
            return current
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        failures = getattr(current, "worker_failures", None) or {}
        waiting += [
            current.__cause__,
            current.__context__,
            getattr(current, "cause", None),
            *failures.values(),
        ]
    return None
