"""How long the command takes to the first new image of a corpus that is 99 % done: python tests/bench/first_image.py N."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rwsc.corpus.commit import marker_key
from rwsc.corpus.settings import SynthConfig
from rwsc.items.build import build_items
from rwsc.runs.claimed import claim_and_plan, prepared
from rwsc.runs.demo import DemoSize, write_phantoms
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix


def measure(num_images: int, work: Prefix) -> float:
    """Plan a corpus, mark 99 % of its shards as done, and give the seconds of the same command to its first image."""
    write_phantoms(work.child("scans"), DemoSize())
    catalogue, items = work.uri_of("catalogue.parquet"), work.uri_of("items")
    index_to_catalogue(work.uri_of("scans"), catalogue)
    build_items(catalogue, items)
    corpus = work.child("corpus")
    config = SynthConfig(items=items, bags=catalogue, output=corpus.uri, engine="tip", num_images=num_images)
    shards = claim_and_plan(prepared(config)).plan.shards()
    for shard in shards[: len(shards) * 99 // 100]:
        corpus.write(marker_key(shard.shard_id), b"{}")
    command = ["rwsc", "synth", "--items", items, "--bags", catalogue, "-o", corpus.uri, "--engine", "tip"]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--num-images", str(num_images)], stderr=subprocess.DEVNULL)
    try:
        while not any(Path(corpus.uri, "images").rglob("*.png")):
            if process.poll() is not None:
                raise SystemExit(f"the command ended with {process.returncode}")
            time.sleep(0.05)
        return time.monotonic() - started
    finally:
        process.kill()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        print(f"{measure(int(sys.argv[1]), Prefix(folder)):.1f} s to the first new image")
