import re
import urllib.request

import pytest
from support.processes import wait_for

from rwsc.runs.metrics import ShardMetrics


@pytest.mark.ray
@pytest.mark.slow
def test_prometheus_finds_what_became_of_images_and_how_long_shards_took(ray_cluster):
    import ray

    class Counting:  # in here, so that Ray's workers need not import this file
        def count(self):
            self.metrics = ShardMetrics()
            self.metrics.add({"made": 3, "rejected": 0, "failed": 1}, seconds=2.0)
            self.metrics.add({"made": 0, "rejected": 0, "failed": 0}, seconds=9.0)  # was finished before
            return ray.get_runtime_context().get_worker_id()

    actor = ray.remote(num_cpus=0.1)(Counting).remote()
    worker = ray.get(actor.count.remote())
    ports = [node["MetricsExportPort"] for node in ray.nodes() if node["Alive"]]

    def told():
        lines = []
        for port in ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                lines += [line for line in answer.read().decode().splitlines() if worker in line]
        return {
            (name, *re.findall(r'status="(\w+)"', labels)): float(value)
            for name, labels, value in (re.fullmatch(r"(\w+){(.*)} (\S+)", line).groups() for line in lines)
            if name.startswith("ray_rwsc_") and not name.endswith("_bucket")
        }

    wait_for(told, seconds=60)
    assert told() == {
        ("ray_rwsc_images_total", "made"): 3,
        ("ray_rwsc_images_total", "failed"): 1,
        ("ray_rwsc_shard_seconds_count",): 1,
        ("ray_rwsc_shard_seconds_sum",): 2,
        ("ray_rwsc_image_seconds_count",): 1,
        # Ray sums the middles of buckets: 0.5 lies between 0.3 and 1.
        ("ray_rwsc_image_seconds_sum",): 0.65,
    }
