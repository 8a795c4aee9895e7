"""Real scans for tests, where the machine has some, made-up ones of two views, and the command itself."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

# A property is about values, not about how busy the machine is.
settings.register_profile("rwsc", deadline=None, max_examples=50)
settings.load_profile("rwsc")


@pytest.fixture(scope="session")
def real_scans() -> Callable[[int], list[tuple[str, np.ndarray]]]:
    """Give (origin, RGB image) of some scans of every origin; skips where there are none."""
    folder = os.environ.get("RWSC_SCANS")
    if not folder:
        pytest.skip("RWSC_SCANS does not name a folder of real scans")
    described = json.loads((Path(folder) / "annotations.json").read_text())["images"]

    def of_every_origin(num_each: int) -> list[tuple[str, np.ndarray]]:
        by_origin: dict[str, list[str]] = {}
        for image in described:
            origin = f"{image['origin_dataset']}, {image.get('background')}"
            by_origin.setdefault(origin, []).append(image["file_name"])
        return [
            (origin, cv2.imread(str(Path(folder) / name))[..., ::-1])
            for origin, names in by_origin.items()
            for name in names[:: max(1, len(names) // num_each)][:num_each]
        ]

    return of_every_origin


@pytest.fixture(scope="session")
def inputs_root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a catalogue of bags and an item bank; tests write their corpora elsewhere."""
    from support.corpora import make_inputs

    root = str(tmp_path_factory.mktemp("inputs"))
    make_inputs(root)
    return root


@pytest.fixture(scope="session")
def paired_root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with catalogue and item bank of a scanner with two views; tests write their corpora elsewhere."""
    from support.two_views import make_two_views

    root = str(tmp_path_factory.mktemp("two views"))
    make_two_views(root)
    return root


@pytest.fixture
def rwsc(monkeypatch, capsys, tmp_path):
    """Run the command in this process and in an empty folder; give its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        from rwsc.cli.main import main

        monkeypatch.setattr(sys, "argv", ["rwsc", *map(str, arguments)])
        with monkeypatch.context() as patch:
            # A command may keep it for its result until its process ends.
            patch.setattr(sys, "stdout", sys.stdout)
            with pytest.raises(SystemExit) as end:
                main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run
