"""Commands as jobs of a real cluster that was started with `ray start`, and what its metrics endpoint tells."""

import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from s3_server import free_ports
from support.processes import kill_all_naming, wait_for

from rwsc.corpus.commit import committed_shards
from rwsc.storage.prefix import Prefix

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SECRET = "s3cr3t-of-the-caller"


def environment_of(**changes):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
    # A job's `python` is the first on the cluster's path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "RAY_AUTH_MODE": "disabled", "PATH": path, **changes}


@pytest.fixture(scope="module")
def cluster():
    """A cluster of one node: the address for jobs, that for metrics, and the folder of its logs."""
    port, dashboard, client, metrics, agent = free_ports(5)
    with tempfile.TemporaryDirectory(prefix="rwsc", ignore_cleanup_errors=True) as folder:
        command = [
            *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"),
            "--disable-usage-stats",
            *("--num-cpus=2", "--object-store-memory=200000000", f"--temp-dir={folder}", f"--port={port}"),
            *(f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"),
            *(f"--metrics-export-port={metrics}", f"--dashboard-agent-listen-port={agent}"),
        ]
        process = subprocess.Popen(
            command,
            env=environment_of(
                RAY_metrics_report_interval_ms="500",
                # A busy machine starts a node and its agent in more than the 30 s that Ray waits.
                RAY_raylet_start_wait_time_s="170",
                RAY_agent_register_timeout_ms="170000",
            ),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        here = SimpleNamespace(
            address=f"http://127.0.0.1:{dashboard}",
            metrics=f"http://127.0.0.1:{metrics}/metrics",
            folder=Path(folder),
        )
        try:
            # Jobs are started by the agent, which is the last to be ready.
            wait_for(
                lambda: read(f"http://127.0.0.1:{agent}/api/local_raylet_healthz"),
                seconds=180,
                process=process,
            )
            yield here
        finally:
            # Asked to end, Ray gives each of its processes half a minute.
            process.kill()
            process.wait()
            kill_all_naming(folder)


def read(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


@pytest.fixture
def submit(cluster, tmp_path):
    def run(*arguments, **environment):
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "rwsc.cli.main",
                "submit",
                "--address",
                cluster.address,
                *map(str, arguments),
            ],
            env=environment_of(**environment),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


def synth(inputs_root, output):
    return (
        *("--", "synth", "--items", f"{inputs_root}/items", "--bags", f"{inputs_root}/catalogue.parquet"),
        *("--engine", "tip", "--num-images", "6", "--workers", "1", "-o", output),
    )


def test_a_job_makes_a_corpus_is_counted_and_keeps_the_callers_secrets(
    cluster, submit, inputs_root, tmp_path
):
    output = tmp_path / "a corpus, with 'quotes'"
    done = submit("--env", "AWS_SECRET_ACCESS_KEY", *synth(inputs_root, output), AWS_SECRET_ACCESS_KEY=SECRET)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(committed_shards(Prefix(str(output)))) == 1
    assert "annotations.coco.json" in done.stdout
    assert "6 planned: " in done.stdout
    assert "warning: Ray shows AWS_SECRET_ACCESS_KEY to all who reach the cluster" in done.stderr
    assert SECRET not in done.stdout + done.stderr

    pattern = r'^ray_rwsc_images_total{.*status="made".*} 6\.0$'
    told = wait_for(
        lambda: re.search(pattern, text := read(cluster.metrics), re.MULTILINE) and text, seconds=60
    )
    for name in ("shard", "image"):
        assert re.search(rf"^ray_rwsc_{name}_seconds_count{{.*}} 1\.0$", told, re.MULTILINE)


def test_a_job_of_bad_input_ends_with_2_and_its_message(submit):
    done = submit("--", "verify", "/nowhere")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "error: " in done.stdout
    assert "/nowhere" in done.stdout


@pytest.mark.long
def test_a_job_that_runs_is_not_started_twice_and_a_stopped_one_ends_with_130(submit):
    command = ("--no-follow", "--", "bench", "items", "--num-images", "100000")
    job_id = submit(*command).stdout.strip()
    again = submit(*command)
    assert again.stdout.strip() == job_id
    assert f"runs already: {job_id}" in again.stderr
    assert submit("--status", job_id).stdout in {"PENDING\n", "RUNNING\n"}
    assert submit("--stop", job_id).stdout == "STOPPED\n"
    assert submit("--logs", job_id).returncode == 130
    assert submit("--logs", job_id + "x").returncode == 2
