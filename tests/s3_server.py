"""A real S3 server for tests: SeaweedFS on loopback ports, with real signatures and pages."""

import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

ACCESS_KEY = "rwsctestkey"
SECRET_KEY = "rwsctestsecret0123456789"
BUCKET = "rwsc-tests"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0

_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
_SWITCHES = (
    "-webdav=false",
    "-admin.ui=false",
    "-master.telemetry=false",
    "-s3.autoCreateBucket=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    # Else a server that was killed spends up to a quarter of a minute on an election it alone takes part in.
    "-master.resumeState=false",
)
_PR_SET_PDEATHSIG = 1


def find_weed() -> str | None:
    """Find the server's program beside this Python or on the path."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


class S3Server:
    """One server process whose data outlives stop and start.

    Attributes:
        endpoint: Address of the server.
        bucket: Bucket that exists.
        env: Environment that clients need.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._process: subprocess.Popen | None = None
        # The kernel counts the thread that launched a process as its parent, so one thread launches them all.
        self._parent = ThreadPoolExecutor(max_workers=1)
        self.bucket = BUCKET
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"
        self.env = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start the process, unless it runs, and wait until an object goes round."""
        if self._process is not None:
            return
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        ports = [f"-{name}={port}" for name, port in self._ports.items()]
        where = [f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={BUCKET}"]
        command = [str(find_weed()), "mini", *where, *_SWITCHES, *ports]
        self._process = self._parent.submit(self._launch, command).result()
        self._wait_until_ready()

    def stop(self, *, at_once: bool = True) -> None:
        """End the process, by default as a power cut would."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _launch(self, command: list[str]) -> subprocess.Popen:
        with (self._folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                command,
                env={**os.environ, **self.env},
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        store = S3Store(
            BUCKET,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            client_options={"allow_http": True, "timeout": "2s"},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=2)},
        )
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                obstore.put(store, "ready", b"ready")
                if obstore.get(store, "ready").bytes() == b"ready":
                    obstore.delete(store, "ready")
                    return
            except (obstore.exceptions.BaseError, OSError):
                time.sleep(0.05)
        self.stop()
        log = (self._folder / "log.txt").read_text(errors="replace")
        raise RuntimeError(f"the S3 server did not start:\n{log[-2000:]}")


def free_ports(count: int) -> list[int]:
    """Find free ports below the range of outgoing connections; some programs add 10000 to theirs."""
    free: list[int] = []
    while len(free) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as door, contextlib.suppress(OSError):
            door.bind(("127.0.0.1", port))
            free = [*free, port] if port not in free else free
    return free


def _die_with_parent() -> None:
    """Let the kernel end the server when the test run is killed and no fixture can."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
