"""A Ray cluster of two nodes on this machine, of which the second may be killed."""

import os
import signal
from contextlib import contextmanager

from s3_server import free_ports

_NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
"""One CPU each: two workers cannot but be on one node each."""

_PATIENCE = {"RAY_agent_register_timeout_ms": "170000"}
"""A busy machine starts a node's agent in more than the 30 s that Ray waits."""

_STARTS = 4
"""How often the second node is started at most: Ray gives a raylet no more than 30 s either."""


class TwoNodes:
    """The cluster.

    Attributes:
        address: Address for drivers.
    """

    def __init__(self):
        from ray.cluster_utils import Cluster

        # The port is looked for also where there is no dashboard.
        head = {**_NODE, "include_dashboard": False, "dashboard_port": free_ports(1)[0]}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = self._cluster.address
        self.add_second()

    def kill_raylet(self):
        """Kill the raylet of the second node, and what it leaves behind of the node; give its process id."""
        raylet = self._second.all_processes["raylet"][0].process
        assert raylet.poll() is None, "the raylet was dead already"
        os.kill(raylet.pid, signal.SIGKILL)
        self._second.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
        self._cluster.worker_nodes.discard(self._second)
        return raylet.pid

    def add_second(self):
        """Start the second node, at first or in the place of the one that was killed."""
        for left in reversed(range(_STARTS)):
            try:
                self._second = self._cluster.add_node(**_NODE)
            except Exception:
                if not left:
                    raise
            else:
                return

    def close(self):
        self._cluster.shutdown()


@contextmanager
def two_nodes(patch, environment):
    """Run the cluster inside the block; its workers have this environment, and drivers should have it too."""
    from rwsc.runs.session import SETTINGS

    for name, value in {**SETTINGS, **_PATIENCE, "RAY_AUTH_MODE": "disabled", **environment}.items():
        patch.setenv(name, value)
    cluster = TwoNodes()
    try:
        yield cluster
    finally:
        cluster.close()
