"""How plans of 10 thousand to 10 million images are built, stored, read and resumed: time, and the driver's memory.

Nothing is fused: markers are written as if 99 % of the shards had been made, and manifests of images that were all
rejected are summed up. Run it by hand: ``python tests/bench/plan_scale.py 10000 100000 1000000``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from rwsc.corpus.bag_items import with_bag_items
from rwsc.corpus.commit import commit_shard, committed_shards, manifest_key, marker_key
from rwsc.corpus.manifest import Outcome, RunFacts, to_row
from rwsc.corpus.plan import PlanSettings, plan_parts, plan_stamp
from rwsc.corpus.plan_store import PLAN_KEY, StoredPlan, write_plan
from rwsc.corpus.summary import sum_up
from rwsc.sources.schema import CATALOGUE_SCHEMA
from rwsc.storage.prefix import Prefix

SHARD_IMAGES = 32
NUM_BAGS = 20_000
FACTS = RunFacts(engine="tip", weights_sha256="", config_fingerprint="f", code_version="0")


def bags():
    rows = [dict.fromkeys(CATALOGUE_SCHEMA.names) for _ in range(NUM_BAGS)]
    for number, row in enumerate(rows):
        name = f"{number:016x}"
        row |= {
            "scan_id": name,
            "uri": f"/archive/bags/{name}.png",
            "sha256": name * 4,
            "air_level": [250.0] * 3,
        }
        row |= {"dataset": "made up", "licence": "CC0", "objects": []}
    return with_bag_items(pa.Table.from_pylist(rows, schema=CATALOGUE_SCHEMA), {})


def measure(num_images, folder, sum_up_at_most):
    figures = {"images": num_images}

    @contextmanager
    def clocked(name):
        started, busy = time.monotonic(), time.process_time()
        yield
        figures[name] = round(time.monotonic() - started, 2)
        figures[f"{name}_cpu"] = round(time.process_time() - busy, 2)

    corpus, table = Prefix(folder), bags()
    asked = PlanSettings(num_images=num_images, seed=0, shard_images=SHARD_IMAGES)
    figures["rss_before_mb"] = peak_mb()
    with clocked("build_and_write_s"):
        stamp = plan_stamp(table, asked)
        write_plan(corpus, plan_parts(table, asked), stamp=stamp)
    figures["plan_mb"] = round(Path(folder, PLAN_KEY).stat().st_size / 1e6, 1)
    with clocked("markers_s"):
        shards = StoredPlan(corpus).shards()
        Path(folder, "committed").mkdir()
        for shard in shards[: len(shards) * 99 // 100]:
            Path(folder, marker_key(shard.shard_id)).write_bytes(b"{}")
    with clocked("resume_s"):
        plan = StoredPlan(corpus)
        assert plan.stamp == plan_stamp(table, asked)
        done = committed_shards(corpus)
        todo = [shard for shard in plan.shards() if shard.shard_id not in done]
        plan.shard(todo[0].shard_id, todo[0].number, shard_images=SHARD_IMAGES)
    with clocked("find_last_s"):
        last = plan.shard(shards[-1].shard_id, shards[-1].number, shard_images=SHARD_IMAGES)[-1]
        assert plan.find(last.image_id) == last
    figures["rss_plan_mb"] = peak_mb()
    if num_images <= sum_up_at_most:
        write_manifests(corpus, plan, shards)
        with clocked("sum_up_s"):
            assert sum_up(corpus, shards, ["gun"], {}).rejected == num_images
        figures["rss_mb"] = peak_mb()
    return figures


def write_manifests(corpus, plan, shards):
    for shard in shards:
        Path(corpus.uri_of(marker_key(shard.shard_id))).unlink(missing_ok=True)
        planned = plan.shard(shard.shard_id, shard.number, shard_images=SHARD_IMAGES)
        rejected = Outcome(status="rejected", reason="no room")
        commit_shard(corpus, shard.shard_id, [to_row(image, rejected, FACTS) for image in planned])
    assert corpus.exists(manifest_key(shards[-1].shard_id))


def peak_mb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=int, nargs="+")
    parser.add_argument("--sum-up-at-most", type=int, default=100_000)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for number in arguments.images:
        if arguments.alone:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(measure(number, folder, arguments.sum_up_at_most)))
        else:  # a process of its own for each size, since a process never tells of less memory than it once had
            command = [sys.executable, __file__, str(number), "--alone"]
            subprocess.run([*command, "--sum-up-at-most", str(arguments.sum_up_at_most)], check=True)


if __name__ == "__main__":
    main()
