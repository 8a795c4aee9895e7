"""Damaged input of every kind, by the ways of a user: no crash, no hang, every input a row or one clear error.

``poe test`` takes some hundred inputs; ``poe test-fuzz`` takes 1,000, and prints what it took of each kind.
``RWSC_FUZZ_SEED`` chooses others; an input is a function of the seed and its number.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.two_views import make_two_views

from fuzz import batches, world
from fuzz.child import LIMIT_S, case_of
from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.manifest import STATUSES
from rwsc.items.bank import BANK_KEY
from rwsc.items.schema import ITEMS_KIND
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.storage.parquet import read_table
from rwsc.storage.prefix import Prefix

SEED = int(os.environ.get("RWSC_FUZZ_SEED", "0"))
SHORT = {"singles": 60, "pictures": 28, "masks": 10, "bags": 10}
LONG = {"singles": 640, "pictures": 220, "masks": 70, "bags": 50}
ROOT = Path(__file__).parents[2]
ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
    "OMP_NUM_THREADS": "1",
}
SIZES = [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    world.build(folder)
    return folder


def run_python(*arguments, stdin="", limit_s=LIMIT_S):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, env=ENV, timeout=limit_s, check=False
    )


def run_rwsc(*arguments):
    done = run_python("-c", "from rwsc.cli.main import main; main()", *arguments, limit_s=600)
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return done


def run_cases(numbers, root, work):
    """Put files through their doors in processes that may die; give a result per number."""
    results, left = [], list(numbers)
    while left:
        words = ("-m", "fuzz.child", root, work, SEED)
        done = run_python(*words, stdin=" ".join(map(str, left)), limit_s=60 + LIMIT_S + 10 * len(left))
        lines = done.stdout.splitlines()
        results += [json.loads(line) for line in lines if line.startswith("{")]
        left = left[len([line for line in lines if line.startswith("{")]) :]
        if done.returncode and left:
            door, _ = case_of(left[0], SEED)
            death = {
                "number": left.pop(0),
                "door": door.name,
                "code": done.returncode,
                "err": done.stderr[-3000:],
            }
            results.append(death | {"how": "?", "command": [], "found": ["the process died, or hung"]})
    return results


def state_of(folder):
    """Hash every file."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("size", SIZES)
def test_damaged_files_are_refused_in_one_clear_line_or_used(size, root, tmp_path):
    before = state_of(root)
    results = run_cases(range(size["singles"]), root, tmp_path / "work")
    assert len(results) == size["singles"]
    print(
        "\nby kind of file:",
        *(f"{number} {door}" for door, number in Counter(r["door"] for r in results).items()),
        sep="\n  ",
    )
    print("exit codes:", dict(Counter(result["code"] for result in results)))
    bad = [result for result in results if result["found"]]
    assert not bad, "\n\n".join(json.dumps(result, indent=1) for result in bad[:5])
    assert state_of(root) == before, "a command wrote outside its own folder"
    assert {result["code"] for result in results} >= {0, 2}, (
        "the damage is too mild or too rough to tell anything"
    )


@pytest.mark.parametrize("size", SIZES)
def test_damaged_scans_are_a_row_each(size, root, tmp_path):
    counts = batches.write_pictures(tmp_path / "scans", size["pictures"], SEED)
    done = run_rwsc(
        "sources", "index", tmp_path / "scans", "-o", tmp_path / "c.parquet", "--layout", "folder"
    )
    assert done.returncode == 0, done.stderr
    rows = read_catalogue(str(tmp_path / "c.parquet"))
    names = sorted(Path(uri).name for uri in rows["uri"].to_pylist())
    assert names == sorted(path.name for path in (tmp_path / "scans").iterdir())
    assert not batches.faults_of_rows(rows, ("ok", "rejected", "failed"), "ok")
    statuses = Counter(rows["status"].to_pylist())
    print("\nscans:", dict(counts), "rows:", dict(statuses))
    assert statuses["ok"]
    assert statuses["failed"]


@pytest.mark.parametrize("size", SIZES)
def test_damaged_masks_are_a_row_each(size, root, tmp_path):
    number = size["masks"]
    batches.write_masked(tmp_path / "scans", number, SEED)
    assert run_rwsc("sources", "index", tmp_path / "scans", "-o", tmp_path / "c.parquet").returncode == 0
    catalogue = read_catalogue(str(tmp_path / "c.parquet"))
    assert catalogue.num_rows == number
    assert not batches.faults_of_rows(catalogue, ("ok", "rejected", "failed"), "ok")
    objects = sum(len(scan.objects) for scan in iter_scans(catalogue) if scan.status == "ok")
    done = run_rwsc("items", "build", tmp_path / "c.parquet", "-o", tmp_path / "items")
    assert done.returncode == 0, done.stderr
    bank = read_table(str(tmp_path / "items" / BANK_KEY), kind=ITEMS_KIND)
    assert bank.num_rows == objects > 0
    assert not batches.faults_of_rows(bank, ("ok", "rejected", "failed"), "ok")
    print("\nmasks:", number, "objects:", objects, "rows:", dict(Counter(bank["status"].to_pylist())))


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_damaged_bags_are_a_row_each_and_the_corpus_is_sound(size, views, root, tmp_path):
    number = size["bags"]
    if views == 2:
        root = tmp_path / "two views"
        make_two_views(str(root))
    catalogue = batches.write_bags(tmp_path / "bags", root, number, SEED, paired=views == 2)
    done = run_python("-m", "fuzz.bags", tmp_path, root, catalogue, number, views, limit_s=600)
    assert done.returncode == 0, done.stderr[-3000:]
    corpus = Prefix(str(tmp_path / "corpus"))
    rows = [row for shard in committed_shards(corpus) for row in read_rows(corpus, shard)]
    assert len({row["scan_id"] for row in rows}) == len(rows) == number
    for row in rows:
        assert row["status"] in STATUSES
        assert (row["status"] == "made") == (row["reason"] is None)
        assert "\n" not in (row["reason"] or "")
    statuses = Counter(row["status"] for row in rows)
    print("\nbags:", number, "rows:", dict(statuses))
    assert statuses["failed"]
    assert statuses["made"] or views == 1
    verified = run_rwsc("verify", corpus.uri)
    assert verified.returncode == 0, verified.stderr
