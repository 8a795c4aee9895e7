"""The direction of imports, and what the command loads before it is told what to do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "ray", "numpy", "pyarrow", "cv2", "obstore", "fsspec"}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["synth", "--help"], ["sources", "index", "--help"], ["sources", "list"], ["--version"]],
)
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys\n"
        f"sys.argv = ['rwsc', *{arguments!r}]\n"
        "from rwsc.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(out.splitlines()[-1].split()[1:])
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_synthesis_loads_torch_for_networks_alone():
    code = (
        "import sys\n"
        "import rwsc.runs.synthesize\n"
        "from rwsc.corpus.settings import SynthConfig\n"
        "from rwsc.runs.shard_worker import open_engine\n"
        "for engine in ('tip', 'rwsc'):\n"
        "    open_engine(SynthConfig(items='i', bags='b', output='o', engine=engine, weights='default'), 'cpu')\n"
        "    print('torch' in sys.modules)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "True"]


def test_parquet_is_read_on_the_callers_thread():
    """See `rwsc.storage.parquet.open_parquet` for why."""
    asked = []
    for path in sorted((ROOT / "rwsc").rglob("*.py")):
        if "runs" in path.parts:  # where the batches are Ray's
            continue
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if not isinstance(call.func, ast.Attribute):
                continue
            name, options = call.func.attr, {option.arg: option.value for option in call.keywords}
            assert name != "ParquetFile" or path.name == "parquet.py", path
            if name in {"read_row_group", "read_row_groups", "iter_batches"}:
                asked.append(path.stem)
                assert ast.literal_eval(options["use_threads"]) is False, path
    assert {"plan_store", "bank", "cards", "embedded", "huggingface"} <= set(asked)


def test_imports_run_one_way():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


TESTED_THROUGH_OTHERS = {
    # what only declares
    "__init__", "settings", "schema", "engine",
    # verbs of the command line: tests/rwsc/cli/test_main.py and tests/docs
    "demo", "items", "options", "sources", "summaries", "synth", "synth_options",
    # what needs a cluster: tests/e2e
    "train", "train_loop", "shard_worker", "synthesize", "bench",
    # parts of a phantom and of a reader: test_phantoms.py, test_truth.py, test_coco.py, test_catalogue.py, test_images.py
    "phantom_bags", "phantom_contents", "phantom_items", "phantom_tools", "phantom_wares", "json_fields", "row_file", "image_files", "pillow_images",
}  # fmt: skip


def test_every_other_module_has_a_test_of_its_name():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").rglob("test_*.py")}
    modules = {path.stem for path in (ROOT / "rwsc").rglob("*.py")}
    assert sorted(modules - tested - TESTED_THROUGH_OTHERS) == []
    assert sorted(TESTED_THROUGH_OTHERS - modules) == []
