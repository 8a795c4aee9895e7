"""What a planned image costs beside its pixels, from plan to manifest, for corpora of any size.

The run is the real one, with Ray Data, plan, manifests, markers and totals; only the worker makes nothing and says of
every image that it was rejected. Run it by hand: ``python tests/bench/null_engine.py 10000 100000 1000000``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rwsc.corpus.make import Made
from rwsc.corpus.manifest import Outcome
from rwsc.corpus.settings import SynthConfig
from rwsc.items.build import build_items
from rwsc.runs import synthesize
from rwsc.runs.demo import DemoSize, write_phantoms
from rwsc.runs.session import start_ray
from rwsc.runs.shard_worker import ShardWorker
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix


class NullWorker(ShardWorker):
    """A worker that reads its plan and writes its manifests, and has no work between them."""

    def make_images(self, planned):
        for image in planned:
            yield image, Made(Outcome(status="rejected", reason="nothing is made"))


def measure(num_images, shard_images, work):
    write_phantoms(work.child("scans"), DemoSize())
    catalogue, items = work.uri_of("catalogue.parquet"), work.uri_of("items")
    index_to_catalogue(work.uri_of("scans"), catalogue)
    build_items(catalogue, items)
    config = SynthConfig(
        items=items,
        bags=catalogue,
        output=work.uri_of("corpus"),
        engine="tip",
        num_images=num_images,
        shard_images=shard_images,
    )
    synthesize.ShardWorker = NullWorker
    started = time.monotonic()
    start_ray()
    totals = synthesize.synthesize(config)
    seconds = time.monotonic() - started
    assert totals.rejected == num_images > shard_images
    committed = sorted(path.stat().st_mtime for path in Path(config.output, "committed").iterdir())
    in_shards = (committed[-1] - committed[0]) / (1 - shard_images / num_images)
    return {
        "images": num_images,
        "shard_images": shard_images,
        "whole_s": round(seconds, 1),
        "whole_ms_per_image": round(seconds * 1000 / num_images, 3),
        "shards_ms_per_image": round(in_shards * 1000 / num_images, 3),
        "driver_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=int, nargs="+")
    parser.add_argument("--shard-images", type=int, default=32)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for number in arguments.images:
        if arguments.alone:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                print(json.dumps(measure(number, arguments.shard_images, Prefix(folder))))
        else:  # a process of its own for each size, since a process never tells of less memory than it once had
            command = [sys.executable, __file__, str(number), "--alone"]
            subprocess.run([*command, "--shard-images", str(arguments.shard_images)], check=True)


if __name__ == "__main__":
    main()
