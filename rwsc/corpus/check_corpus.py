"""Check what no shard knows by itself: the plan as a whole, strays between the shards, and the summaries."""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rwsc.corpus.check_shard import Counted, annotation_name, image_digest
from rwsc.corpus.coco import COCO_KEY
from rwsc.corpus.commit import committed_shards
from rwsc.corpus.containers import container_key
from rwsc.corpus.findings import Findings
from rwsc.corpus.plan_store import PlannedShard, StoredPlan
from rwsc.corpus.summary import REPORT_KEY, read_totals
from rwsc.errors import ObjectMissing
from rwsc.sources.json_fields import one_line
from rwsc.storage.files import open_read
from rwsc.storage.prefix import Prefix

_MAX_LINE_BYTES = 64 * 2**20


def check_plan(plan: StoredPlan, shards: Sequence[PlannedShard], settings: dict[str, Any]) -> Findings:
    """Check that a plan has as many images as the run card says, each once, in whole shards.

    Args:
        plan: The plan.
        shards: Its shards.
        settings: Those of the run card.

    Returns:
        What is wrong.
    """
    findings = Findings()
    wanted, shard_images = settings["num_images"], settings.get("shard_images")
    if plan.num_images != wanted:
        findings.add("plan", f"the plan has {plan.num_images:,} images, the run card says {wanted:,}")
    for shard in shards[:-1]:
        if shard.num_images != shard_images:
            message = f"the shard has {shard.num_images} planned images, the run card says {shard_images}"
            findings.add("plan", message, shard_id=shard.shard_id)
    # 8 bytes an image: names of ten millions would not fit into memory.
    digests = np.fromiter(_image_digests(plan), dtype=np.uint64, count=plan.num_images)
    if num_twice := plan.num_images - len(np.unique(digests)):
        findings.add("plan", f"{num_twice:,} images are planned more than once")
    return findings


def check_strays(corpus: Prefix, shards: Sequence[PlannedShard], *, layout: str = "files") -> Findings:
    """Look for what belongs to no planned shard, and for files that killed writers left.

    Args:
        corpus: The corpus.
        shards: All shards of its plan; what lies inside their own folders or containers is not looked at.
        layout: How the run card says that images lie.

    Returns:
        What is wrong.
    """
    findings, planned = Findings(), {shard.shard_id for shard in shards}
    findings.merge(_check_image_places(corpus, planned, layout))
    for shard_id in sorted(committed_shards(corpus) - planned):
        findings.add("orphan", "the marker of a shard that was not planned", shard_id=shard_id)
    for key in corpus.list_keys("manifest"):
        shard_id = key.removeprefix("manifest/").removesuffix(".parquet")
        if shard_id not in planned:
            findings.add("orphan", f"{key} is of no shard that was planned", shard_id=shard_id)
    for folder in ("", "images", "manifest", "committed"):
        for name in corpus.look_into(folder).leftovers:
            findings.add("leftover", f"{folder}/{name} is an unfinished file".lstrip("/"))
    return findings


def _check_image_places(corpus: Prefix, planned: set[str], layout: str) -> Findings:
    findings, there = Findings(), corpus.look_into("images")
    in_folders = layout == "files"
    containers = set() if in_folders else {container_key(shard_id, layout) for shard_id in planned}
    for name in there.objects:
        if f"images/{name}" not in containers:
            place = "in no shard's folder" if in_folders else "there, and is no shard's container"
            findings.add("orphan", f"images/{name} lies {place}")
    for name in sorted(set(there.folders) - (planned if in_folders else set())):
        number = sum(1 for _ in corpus.list_keys(f"images/{name}"))
        whose = "of a shard that was not planned" if in_folders else "in a folder, in a corpus of containers"
        findings.add("orphan", f"{number:,} images {whose}", shard_id=name)
    return findings


def check_report(corpus: Prefix, counted: Counted) -> Findings:
    """Compare the totals of a corpus with what its shards hold.

    Args:
        corpus: The corpus.
        counted: What all shards hold together.

    Returns:
        What is wrong.
    """
    findings = Findings()
    totals = read_totals(corpus)
    if totals is None:
        findings.add("report", f"{REPORT_KEY} or {COCO_KEY} is missing or damaged: the run is not finished")
        return findings
    for name in ("planned", "made", "rejected", "failed", "objects", "distractors"):
        stated, found = getattr(totals, name), counted.numbers[name]
        if stated != found:
            findings.add("report", f"{REPORT_KEY} says {stated} {name}, the manifest has {found:,}")
    return findings


def check_coco(corpus: Prefix, counted: Counted, labels: Sequence[str] | None) -> Findings:
    """Compare the COCO file of a corpus with what its shards hold; a missing one is the report's matter.

    Args:
        corpus: The corpus.
        counted: What all shards hold together.
        labels: Classes of the run card; None where it does not tell.

    Returns:
        What is wrong.
    """
    findings = Findings()
    try:
        classes, in_coco = _count_coco(corpus)
    except ObjectMissing:
        return findings
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        findings.add("coco", f"{COCO_KEY} is not as rwsc writes it: {one_line(error)[:100]}")
        return findings
    if labels is not None and classes != list(labels):
        findings.add("coco", f"the classes are {classes}, those of the run card {list(labels)}")
    there, wanted = in_coco.numbers["made"], counted.numbers["made"]
    if there != wanted:
        findings.add("coco", f"{there:,} images, the manifest has {wanted:,}")
    elif in_coco.images_sum != counted.images_sum:
        findings.add("coco", "as many images as the manifest has, but not the same ones")
    for name in sorted(in_coco.annotations.keys() | counted.annotations.keys()):
        there, wanted = in_coco.annotations[name], counted.annotations[name]
        if there != wanted:
            findings.add("coco", f"{there:,} objects {name}, the manifest has {wanted:,}")
    return findings


def _image_digests(plan: StoredPlan) -> Iterator[int]:
    for part in plan.parts(["image_id"]):
        for image_id in part["image_id"].to_pylist():
            yield int.from_bytes(hashlib.sha256(str(image_id).encode()).digest()[:8], "big")


def _count_coco(corpus: Prefix) -> tuple[list[str], Counted]:
    """Read a COCO file of ours, which has a record a line, without holding it."""
    counted, classes, section = Counted(), {}, ""
    decode = json.JSONDecoder().raw_decode
    with open_read(corpus.uri_of(COCO_KEY)) as file:
        for line in _lines(io.BufferedReader(file, 1 << 20)):  # type: ignore[arg-type]
            if line.startswith('"'):
                section, _, rest = line[1:].partition('": ')
                if section == "categories":
                    classes = {each["id"]: each["name"] for each in decode(rest)[0]}
            elif section == "images":
                _count_image(decode(line)[0], counted)
            elif section == "annotations" and not line.startswith("]"):
                _count_annotation(decode(line)[0], classes, counted)
    if section not in ("annotations", "licenses"):
        raise ValueError("it ends too early")
    return list(classes.values()), counted


def _count_image(record: dict[str, Any], counted: Counted) -> None:
    counted.numbers["made"] += 1
    name = record["file_name"]
    uri = f"{record['container']}#{name}" if "container" in record else name
    digest = image_digest(record["image_id"], uri, record["width"], record["height"])
    counted.images_sum = (counted.images_sum + digest) % 2**64


def _count_annotation(record: dict[str, Any], classes: dict[int, str], counted: Counted) -> None:
    if not 1 <= record["image_id"] <= counted.numbers["made"]:
        raise ValueError(f"an annotation of image {record['image_id']!r}, which is not there")
    name = annotation_name(classes[record["category_id"]], synthetic=record["synthetic"])
    counted.annotations[name] += 1


def _lines(file: io.BufferedReader) -> Iterator[str]:
    while line := file.readline(_MAX_LINE_BYTES):
        yield line.decode()
