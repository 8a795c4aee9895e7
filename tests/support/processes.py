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


def kill_all_naming(text):
    """End every process whose command line holds a text, such as the folder of a cluster."""
    for pid in _pids():
        if text in title_of(pid) and pid != os.getpid():
            try:
                kill(pid)
            except ProcessLookupError:
                continue


def ray_workers(name):
    """Process ids of this test run's Ray workers whose title holds a name."""
    return {
        pid
        for pid in _pids()
        if title_of(pid).startswith("ray::") and name in title_of(pid) and _is_ours(pid)
    }


def _pids():
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]


def title_of(pid):
    """Give what a process calls itself; nothing once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0 ")
    except OSError:
        return ""


def _is_ours(pid):
    # Another Ray on this machine has raylets that are no children of this process.
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False
