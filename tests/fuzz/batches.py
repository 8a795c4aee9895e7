"""Hundreds of damaged files in one run: each is to be one row, whatever is wrong with it."""

import hashlib
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from support.corpora import synth_config
from support.two_views import paired_config

from fuzz import mutators, world
from rwsc.sources.catalogue import iter_scans, read_catalogue, write_catalogue

SHARES = {"png": 8, "jpeg": 7, "tiff": 5, "npy": 5, "bmp": 1, "webp": 2}
"""How often each file format comes."""

_UNFORESEEN = re.compile(r"\w*([Ee]rror|Exception): ")
"""How the reason of a row begins that failed of what no code provides for: damage must not come to that."""

SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif"}


def damaged_picture(rng: random.Random, kind: str) -> bytes:
    """A picture of a format with something wrong."""
    data = world.picture(kind, rng.randrange(12))
    while True:
        if (damaged := rng.choice(mutators.PICTURES[kind])(rng, data)) != data:
            return damaged


def write_pictures(folder: Path, number: int, seed: int) -> Counter[str]:
    """Write damaged scans side by side; give how many of each format."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    folder.mkdir(parents=True)
    counts: Counter[str] = Counter()
    for place in range(number):
        rng = random.Random(f"picture {seed} {place}")
        kind = kinds[place % len(kinds)]
        counts[kind] += 1
        (folder / f"{place:04d}{SUFFIXES.get(kind, '.' + kind)}").write_bytes(damaged_picture(rng, kind))
    return counts


def write_masked(folder: Path, number: int, seed: int) -> None:
    """Write sound scans with one object each, whose mask is damaged: a picture of its own, or in the COCO file."""
    folder.mkdir(parents=True)
    names, files, inside = [], [], []
    for place in range(number):
        rng = random.Random(f"mask {seed} {place}")
        names.append(f"{place:04d}.png")
        # A number of its own in the pixels: copies of one scan are rows that are rejected for that.
        (folder / names[-1]).write_bytes(world.picture("bmp", place))
        if place % 2:
            data = world.mask_picture()
            (folder / f"mask-{place:04d}.png").write_bytes(rng.choice(mutators.PICTURES["png"])(rng, data))
            files.append(f"mask-{place:04d}.png")
        else:
            files.append(None)
        inside.append(rng.choice([*mutators.HOSTILE_VALUES[:18], [[0, 0, 1]], [[20, 20, 50, 1e9, 50, 40]],
                                  {"size": [64, 80], "counts": rng.randbytes(9).hex()},
                                  {"size": [1 << 31, 1 << 31], "counts": "0"},
                                  {"size": [64, 80], "counts": [5120, -3, 1 << 40]}, [[float("nan")] * 6]]))  # fmt: skip
    (folder / "annotations.json").write_text(world.coco_with_masks(names, files, inside))


def write_bags(folder: Path, root: Path, number: int, seed: int, *, paired: bool) -> str:
    """Write damaged bags and a catalogue that takes each for a sound one; give its address.

    Paired ones are two views of a bag by turns; every third bag is sound, and of every second one the first view.
    """
    folder.mkdir(parents=True)
    known = iter_scans(read_catalogue(str(root / "catalogue.parquet")))
    of_view = {scan.view: scan for scan in known if scan.kind == "benign"}
    views = sorted(of_view) if paired else [None]
    kinds, scans = list(SHARES), []
    for place in range(number):
        rng = random.Random(f"bag {seed} {place}")
        kind = kinds[place % len(kinds)]
        is_sound = paired and (place // 2 % 3 == 0 or place % 4 == 0)
        data = world.picture("bmp", place) if is_sound else damaged_picture(rng, kind)
        data += bytes([place % 256, place // 256])  # no two alike
        path = folder / f"{place:04d}{SUFFIXES.get(kind, '.' + kind)}"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        group = f"bag {place // 2}" if paired else None
        changes = {"uri": str(path), "sha256": digest, "scan_id": digest[:16], "group": group}
        scans.append(replace(of_view[views[place % len(views)]], **changes))
    catalogue = str(folder / "catalogue.parquet")
    write_catalogue(catalogue, scans)
    return catalogue


def bags_config(folder: Path, root: Path, catalogue: str, number: int, *, paired: bool):
    """Settings of a corpus with one image a scan."""
    changes = {"bags": catalogue, "output": str(folder / "corpus"), "num_images": number, "shard_images": 8}
    return (paired_config if paired else synth_config)(str(root), **changes, workers=1)


def faults_of_rows(table: pa.Table, statuses: tuple[str, ...], good: str) -> list[str]:
    """Say which rows do not account for themselves, or failed of what no code provides for."""
    return [
        f"{row['status']!r}: {row['reason']!r}"
        for row in table.select(["status", "reason"]).to_pylist()
        if row["status"] not in statuses
        or (row["status"] == good) != (row["reason"] is None)
        or (row["reason"] is not None and (not row["reason"].strip() or "\n" in row["reason"]))
        or _UNFORESEEN.match(row["reason"] or "")
    ]
