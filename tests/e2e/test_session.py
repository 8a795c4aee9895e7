"""Which cluster a command runs on, with real clusters."""

import os
import subprocess
import sys

import pytest

from rwsc.runs.session import MEMORY

SAY_ADDRESS = """
import os
from rwsc.runs.session import start_ray
start_ray()
import ray
print(ray.get(ray.remote(os.getenv).remote("MALLOC_ARENA_MAX")))
print(ray.get_runtime_context().gcs_address)
"""


def _arenas_and_address(**environment: str) -> tuple[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"RAY_ADDRESS", *MEMORY}}
    done = subprocess.run(
        [sys.executable, "-c", SAY_ADDRESS],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    arenas, address = done.stdout.strip().splitlines()[-2:]
    return arenas, address


@pytest.mark.parametrize("address", ["auto", ""])
def test_another_cluster_of_this_machine_is_joined_only_when_asked(ray_cluster, address):
    # The cluster of the tests is the one that Ray would find by itself.
    arenas, used = _arenas_and_address(
        RAY_AUTH_MODE="disabled", **({"RAY_ADDRESS": address} if address else {})
    )
    assert (used == ray_cluster) == (address == "auto")
    assert arenas == "1"  # workers keep their memory, on either
