"""Put damaged files through their doors, one after the other, in a process that may crash or hang without harm."""

import contextlib
import faulthandler
import io
import json
import os
import random
import re
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path

LIMIT_S = 60
"""A command on a small file that takes longer is taken for hung."""

MEMORY_BYTES = 1_500 * 2**20
"""More memory than this, for a small file, is a finding."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


def case_of(number: int, seed: int):
    """Give the door of a number, and its source of chance."""
    from fuzz.doors import DOORS

    order = [door for door in DOORS for _ in range(door.share)]
    random.Random("the order of doors").shuffle(order)
    return order[number % len(order)], random.Random(f"{seed} {number}")


def damage(door, rng, root: Path, folder: Path) -> tuple[Path, str]:
    """Copy what a door needs and damage its file; give the file and what was done."""
    sound = door.find(root)
    if door.copied is None:
        file = folder / sound.name
    else:
        base = root / door.copied
        shutil.copytree(base, folder / base.name)
        file = folder / base.name / sound.relative_to(base)
    data = sound.read_bytes()
    while True:
        mutate = rng.choice(door.mutators)
        damaged = mutate(rng, data)
        if damaged != data:
            file.write_bytes(damaged)
            return file, mutate.__name__


def run_command(arguments: list[object], folder: Path) -> tuple[int, str, str]:
    """Run rwsc as a user does; give exit code, stdout and stderr. What should not happen has the code 99."""
    from rwsc.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    before = sys.argv, Path.cwd()
    sys.argv = ["rwsc", *map(str, arguments)]
    os.chdir(folder)
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0 if end.code is None else 99
            except BaseException:  # noqa: BLE001 - this is what is looked for
                err.write(traceback.format_exc())
                code = 99
    finally:
        sys.argv = before[0]
        os.chdir(before[1])
    return code, out.getvalue(), err.getvalue()


def judge(door, file: Path, command: list[object], ended: tuple[int, str, str]) -> list[str]:
    """Say what is wrong with how a command ended.

    A clear error is one line of some hundred characters that names the file, its folder, or a word that the user
    typed or that stands in the file.
    """
    code, out, err = ended
    if code not in (0, 1, 2):
        return ["crash"]
    found = []
    if "Traceback" in err or "Traceback" in out:
        found.append("traceback")
    if _CONTROL.search(err):
        found.append("control characters")
    errors = [line for line in err.splitlines() if line.startswith("error:")]
    if code == 2:
        if len(errors) != 1:
            found.append(f"{len(errors)} error lines")
        elif len(errors[0]) > 700:
            found.append("an error of many words")
        elif not any(name in errors[0] for name in (file.name, *door.names, *_words(file, command))):
            found.append("an error that names no file")
    return found


def _words(file: Path, command: list[object]) -> list[str]:
    folders = [part for part in file.parts if part.startswith(("corpus-", "weights", "items"))]
    return [*folders, *(word for word in map(str, command[1:]) if len(word) > 8)]


def run_case(number: int, seed: int, root: Path, folder: Path) -> dict:
    """Damage one file and run one command on it."""
    door, rng = case_of(number, seed)
    folder.mkdir(parents=True)
    file, how = damage(door, rng, root, folder)
    command = rng.choice(door.commands(file, root))
    memory, started = _peak(), time.monotonic()
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    ended = run_command(command, folder)
    faulthandler.cancel_dump_traceback_later()
    found = judge(door, file, command, ended)
    if _peak() - memory > MEMORY_BYTES:
        found.append(f"{(_peak() - memory) >> 20} MiB of memory")
    shutil.rmtree(folder)
    code, _, err = ended
    return {
        "number": number, "door": door.name, "how": how, "command": [str(word) for word in command], "code": code,
        "found": found, "seconds": round(time.monotonic() - started, 3), "err": err[-3000:] if found else err[-300:],
    }  # fmt: skip


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Run the cases that are named by stdin, a number a line; a line before and a JSON object after each."""
    root, work, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    import torch

    torch.set_num_threads(1)
    results = os.fdopen(os.dup(1), "w", buffering=1)
    for number in map(int, sys.stdin.read().split()):
        results.write(f"{number}\n")
        results.write(json.dumps(run_case(number, seed, root, work / str(number))) + "\n")


if __name__ == "__main__":
    main()
