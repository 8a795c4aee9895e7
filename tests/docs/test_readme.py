"""The README's commands do what it says, in its order, as a new user would type them."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image
from pycocotools.coco import COCO

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def _run(command, cwd, environment):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}"


def test_the_set_up_commands_name_what_is_there():
    installs = [block for block in BLOCKS if block.startswith("pip install")]
    assert [block.split("&&")[1].strip() for block in installs] == ["rwsc demo", "poe check"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for block in installs:
        words = shlex.split(block.split("&&")[0])
        assert (ROOT / words[words.index("-c") + 1]).is_file()
        extras = re.findall(r"\[(\w+)\]", words[words.index("-e") + 1])
        assert set(extras) <= set(project["project"]["optional-dependencies"])
    assert "check" in project["tool"]["poe"]["tasks"]


def test_every_pinned_version_is_exact_and_torch_has_no_build_tag():
    lines = (ROOT / "infra" / "constraints.txt").read_text(encoding="utf-8").split()
    assert all(re.fullmatch(r"[A-Za-z0-9_.\-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    assert any(line.startswith("torch==") for line in lines)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.s3
def test_all_commands_run_in_order(ray_cluster, s3_server, tmp_path, capsys):
    environment = {"RAY_ADDRESS": ray_cluster, "RAY_AUTH_MODE": "disabled", **s3_server.env}
    for block in BLOCKS:
        if block.startswith("pip install"):
            # Installed already; the second one would start these tests again.
            block = block.split("&&")[1].replace("poe check", "true")
        _run(block.replace("s3://my-bucket/", f"s3://{s3_server.bucket}/readme/"), tmp_path, environment)
    for name in ("rwsc-demo/preview.png", "sheet.png"):
        with Image.open(tmp_path / name) as sheet:
            assert min(sheet.size) > 500
    with capsys.disabled():
        coco = COCO(str(tmp_path / "corpus" / "annotations.coco.json"))
    totals = json.loads((tmp_path / "corpus" / "report.json").read_text())["totals"]
    assert len(coco.imgs) == totals["made"] > 80
    _tree_is_as_printed(tmp_path)


def _tree_is_as_printed(folder):
    tree = README.split("## What it writes")[1].split("```")[1]
    for name in re.findall(r"^  (\w[\w.]*)", tree.split("run/")[0], flags=re.MULTILINE):
        assert (folder / "corpus" / name).exists(), name
    for name in tree.split("run/")[1].split():
        assert (folder / "run" / name).exists(), name
