import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def rwsc(*arguments, address, cwd, **environment):
    """Start the rwsc command as its own process, connected to a running cluster."""
    return subprocess.Popen(
        [sys.executable, "-m", "rwsc.cli.main", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "RAY_ADDRESS": address, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, *, seconds=120.0, process=None):
    """Wait until a condition holds; fail loudly when the process ends or the time is up before."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if process is not None and process.poll() is not None:
            raise AssertionError(
                f"ended with {process.returncode} too early:\n{process.communicate()[1][-3000:]}"
            )
        if time.monotonic() > end:
            raise AssertionError(f"nothing after {seconds} s")
        time.sleep(0.05)
    return found


def kill(pid):
    """End a process the hard way."""
    os.kill(pid, signal.SIGKILL)


def ray_workers(name):
    """Process ids of Ray workers whose title holds a name."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            title = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if title.startswith("ray::") and name in title:
            found.append(int(folder.name))
    return sorted(found)
