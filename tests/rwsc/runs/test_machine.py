import json
import os
from importlib.metadata import version
from pathlib import Path

from rwsc.runs.machine import describe_machine


def test_the_machine_is_named_with_what_runs_on_it():
    found = describe_machine()
    assert list(found) == ["cpu", "cores", "gpu", "torch", "rwsc"]
    assert found["cores"] == os.cpu_count()
    assert found["torch"].split("+")[0] == version("torch").split("+")[0]
    assert found["rwsc"] == version("rwsc")
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    if "model name" in text:
        assert f"model name\t: {found['cpu']}\n" in text
    assert isinstance(found["cpu"], str)


def test_a_gpu_is_named_where_there_is_one():
    has_driver = Path("/dev/nvidiactl").exists()
    gpu = describe_machine()["gpu"]
    assert gpu is None if not has_driver else gpu is None or "NVIDIA" in gpu


def test_it_goes_into_json():
    assert json.loads(json.dumps(describe_machine(), allow_nan=False)) == describe_machine()
