import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from support.corpora import make_inputs, synth_config
from support.made_corpora import make_here
from support.plans import bags_of, plan_of

from rwsc.corpus.coco import COCO_KEY
from rwsc.corpus.commit import commit_shard, committed_shards, manifest_key, marker_key, read_rows
from rwsc.corpus.findings import CHECKS, KEPT_PER_CHECK
from rwsc.corpus.manifest import MANIFEST_KIND, MANIFEST_SCHEMA
from rwsc.corpus.plan_store import PLAN_KEY, write_plan
from rwsc.corpus.summary import REPORT_KEY
from rwsc.errors import ConfigError, RunMismatch
from rwsc.runs.verify import MAX_BLOCKS, NO_PROGRESS_S, patience_s, verify
from rwsc.storage.parquet import encode_table
from rwsc.storage.prefix import Prefix

CONTROLS = {"empty_share": 0.2, "negative_share": 0.2, "distractor_share": 0.5}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A sound corpus with a failed image and controls, commercial."""
    root = tmp_path_factory.mktemp("verify")
    make_inputs(str(root))
    next((root / "scans" / "bags").iterdir()).unlink()
    config = synth_config(str(root), num_images=12, controls=CONTROLS, declared_use="commercial")
    make_here(config)
    return Path(config.output)


@pytest.fixture
def corpus(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "corpus")
    return Prefix(str(tmp_path / "corpus"))


def check(corpus, **changes):
    return verify(corpus.uri, **{"sample": None, "workers": None, **changes})


def found_in(corpus, **changes):
    return set(check(corpus, **changes).findings.counts)


def shard_with(corpus, wanted):
    """The first shard and row that fit."""
    for shard in sorted(committed_shards(corpus)):
        for row in read_rows(corpus, shard):
            if wanted(row):
                return shard, row
    raise AssertionError("no such row")


def edit(corpus, change, wanted=lambda row: row["objects"]):
    """Change the first row that fits and commit its shard again, so that only what the row says is wrong."""
    shard, row = shard_with(corpus, wanted)
    rows = read_rows(corpus, shard)
    changed = [each | (change(each) if each["image_id"] == row["image_id"] else {}) for each in rows]
    commit_shard(corpus, shard, changed)
    return row


def first_object(**changes):
    return lambda row: {"objects": [row["objects"][0] | changes, *row["objects"][1:]]}


def test_a_sound_corpus_has_no_findings(corpus):
    verified = check(corpus)
    assert verified.findings.kept == []
    numbers = verified.counted.numbers
    assert numbers["planned"] == 12
    assert numbers["read"] == numbers["made"] == 12 - numbers["failed"] < 12
    assert numbers["compared"] == numbers["made"]
    assert sum(verified.counted.annotations.values()) == numbers["objects"] > 0


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def spoil_image(how):
    def damage(corpus):
        how(sorted(Path(corpus.uri).glob("images/*/*.png"))[0])

    return damage


def delete(key_of):
    def damage(corpus):
        corpus.delete(key_of(sorted(committed_shards(corpus))[0]))

    return damage


def add(key_of, data=b"x"):
    return lambda corpus: (
        Path(corpus.uri_of("images"))
        .parent.joinpath(key_of(sorted(committed_shards(corpus))[0]))
        .write_bytes(data)
    )


def add_shard(corpus):
    corpus.write("images/unknown/a.png", b"x")


def drop_row(corpus):
    shard = sorted(committed_shards(corpus))[0]
    commit_shard(corpus, shard, read_rows(corpus, shard)[1:])


def repeat_row(corpus):
    shard = sorted(committed_shards(corpus))[0]
    rows = read_rows(corpus, shard)
    commit_shard(corpus, shard, [*rows, rows[0]])


def foreign_manifest(corpus):
    shards = sorted(committed_shards(corpus))
    corpus.write(manifest_key(shards[0]), corpus.read(manifest_key(shards[1])))


def newer_manifest(corpus):
    shard = sorted(committed_shards(corpus))[0]
    table = pa.Table.from_pylist(read_rows(corpus, shard), schema=MANIFEST_SCHEMA)
    corpus.write(manifest_key(shard), encode_table(table, kind=MANIFEST_KIND, version=99))


def other_columns(corpus):
    shard = sorted(committed_shards(corpus))[0]
    table = pa.Table.from_pylist(read_rows(corpus, shard), schema=MANIFEST_SCHEMA).drop_columns(["objects"])
    corpus.write(manifest_key(shard), encode_table(table, kind=MANIFEST_KIND, version=1))


def shorten(key):
    def damage(corpus):
        data = corpus.read(key)
        corpus.write(key, data[: len(data) * 2 // 3])

    return damage


def change_json(key, change):
    def damage(corpus):
        document = json.loads(corpus.read(key))
        change(document)
        corpus.write(key, json.dumps(document, indent=1).encode())

    return damage


def coco_line(find, put):
    def damage(corpus):
        lines = corpus.read(COCO_KEY).decode().splitlines(keepends=True)
        place = next(place for place, line in enumerate(lines) if find in line)
        lines[place : place + 1] = put(lines[place])
        corpus.write(COCO_KEY, "".join(lines).encode())

    return damage


def smaller_plan(corpus):
    settings = json.loads(corpus.read("run.json"))
    bags = bags_of(Path(settings["addresses"]["bags"]).parent)
    write_plan(corpus, [plan_of(bags, 9, shard_images=3)], stamp="")


DAMAGES = {
    "a byte of an image is flipped": (spoil_image(flip), {"image"}),
    "an image is gone": (spoil_image(Path.unlink), {"image"}),
    "an image is empty": (spoil_image(lambda path: path.write_bytes(b"")), {"image"}),
    "a manifest is gone": (delete(manifest_key), {"manifest", "orphan", "report", "coco"}),
    "a marker is gone": (delete(marker_key), {"marker"}),
    "a row is gone": (drop_row, {"manifest", "orphan", "report", "coco"}),
    "a row is there twice": (repeat_row, {"manifest"}),
    "a manifest of another shard": (foreign_manifest, {"manifest", "marker", "orphan", "report", "coco"}),
    "a manifest of a newer version": (newer_manifest, {"manifest", "orphan", "report", "coco"}),
    "a manifest that lacks a column": (other_columns, {"manifest", "orphan", "report", "coco"}),
    "an image without a row": (add(lambda shard: f"images/{shard}/stray.png"), {"orphan"}),
    "images of no shard": (add_shard, {"orphan"}),
    "an image in no folder": (lambda corpus: corpus.write("images/a.png", b"x"), {"orphan"}),
    "a manifest of no shard": (add(lambda shard: "manifest/stray.parquet"), {"orphan"}),
    "a marker of no shard": (add(lambda shard: "committed/stray.json"), {"orphan"}),
    "an unfinished image": (add(lambda shard: f"images/{shard}/.rwsc-part-1"), {"leftover"}),
    "an unfinished manifest": (add(lambda shard: "manifest/.rwsc-part-1"), {"leftover"}),
    "an unfinished plan": (add(lambda shard: ".rwsc-part-1"), {"leftover"}),
    "a damaged plan": (shorten(PLAN_KEY), {"plan"}),
    "no plan": (lambda corpus: corpus.delete(PLAN_KEY), {"plan"}),
    "a plan of fewer images": (smaller_plan, {"plan", "row", "orphan", "report", "coco"}),
    "a damaged COCO file": (shorten(COCO_KEY), {"coco"}),
    "an image left out of COCO": (coco_line('"file_name"', lambda line: []), {"coco"}),
    "another image in COCO": (
        coco_line('"file_name"', lambda line: [line.replace('"width": 1', '"width": 2')]),
        {"coco"},
    ),
    "an object twice in COCO": (coco_line('"iscrowd"', lambda line: [line, line]), {"coco"}),
    "renamed classes in COCO": (
        coco_line('"categories"', lambda line: [line.replace("gun", "pen")]),
        {"coco"},
    ),
    "COCO that others wrote": (lambda corpus: corpus.write(COCO_KEY, b'{"images": [], "x": 1}'), {"coco"}),
    "no report": (lambda corpus: corpus.delete(REPORT_KEY), {"report"}),
    "a wrong report": (
        change_json(REPORT_KEY, lambda document: document["totals"].update(made=99)),
        {"report"},
    ),
    "a wrong marker": (
        lambda corpus: change_json(
            marker_key(sorted(committed_shards(corpus))[0]), lambda document: document.update(rows=99)
        )(corpus),
        {"marker"},
    ),
    "a damaged marker": (
        lambda corpus: corpus.write(marker_key(sorted(committed_shards(corpus))[0]), b"{"),
        {"marker"},
    ),
    "a null where none may be": (
        lambda corpus: edit(corpus, lambda row: {"objects": [None]}),
        {"row", "coco"},
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_is_found_and_nothing_else_is(corpus, name):
    damage, expected = DAMAGES[name]
    damage(corpus)
    verified = check(corpus)
    assert expected <= set(verified.findings.counts) <= expected | {"coco", "report"}
    assert set(verified.findings.counts) <= set(CHECKS)
    assert all(finding.message and "\n" not in finding.message for finding in verified.findings.kept)


@pytest.mark.parametrize(
    ("change", "wanted", "expected"),
    [
        (first_object(area=1), None, {"label"}),
        (first_object(bbox_xywh=[0.0, 0.0, 9.0, 9.0]), None, {"label"}),
        (first_object(mask_rle="0"), None, {"label"}),
        (first_object(fused_xywh=[0, 0, 2, 2]), None, {"label"}),
        (first_object(label="pen"), None, {"label", "coco"}),
        (lambda row: {"objects": row["objects"] * 2}, None, {"label", "coco", "report"}),
        (lambda row: {"sha256": "0" * 64}, None, {"image"}),
        (lambda row: {"bit_depth": 16}, None, {"image"}),
        (lambda row: {"width": 2**31 - 1, "height": 2**31 - 1}, None, {"row", "image", "coco"}),
        (lambda row: {"uri": "../../etc/passwd"}, None, {"row", "orphan", "coco"}),
        (lambda row: {"licence": "academic use only"}, None, {"licence"}),
        (lambda row: {"config_fingerprint": "0" * 16}, None, {"row"}),
        (lambda row: {"seed": 1}, None, {"row"}),
        (lambda row: {"synthetic": None}, None, {"row"}),
        (lambda row: {"status": "eaten"}, None, {"row", "orphan", "coco", "report"}),
        (lambda row: {"role": "negative"}, None, {"row"}),
        (lambda row: {"reason": None}, lambda row: row["status"] == "failed", {"row"}),
        (lambda row: {"reason": "none"}, None, {"row"}),
    ],
)
def test_a_row_that_says_what_is_not_so_is_found(corpus, change, wanted, expected):
    row = edit(corpus, change, wanted or (lambda row: row["objects"]))
    findings = check(corpus).findings
    assert expected - {"coco", "report", "orphan"} <= set(findings.counts) <= expected
    named = {finding.image_id for finding in findings.kept if finding.check in ("row", "label", "image")}
    assert named <= {row["image_id"]}


def test_a_sample_reads_as_many_images_as_asked_for_and_checks_all_else(corpus):
    for sample in (0, 1, 5, 99):
        verified = check(corpus, sample=sample)
        assert not verified.findings.counts
        assert abs(verified.counted.numbers["read"] - min(sample, 12)) <= verified.counted.numbers["failed"]
    spoil_image(flip)(corpus)
    assert found_in(corpus, sample=0) == set()
    assert found_in(corpus, sample=12) == {"image"}
    spoil_image(Path.unlink)(corpus)
    assert found_in(corpus, sample=0) == {"image"}


def test_a_pool_may_take_as_long_as_its_largest_block_asks_for():
    assert patience_s(num_shards=3, shard_images=10) == NO_PROGRESS_S
    large = patience_s(num_shards=3, shard_images=5_000)
    assert large > NO_PROGRESS_S
    assert patience_s(num_shards=MAX_BLOCKS, shard_images=5_000) == large
    assert patience_s(num_shards=MAX_BLOCKS + 1, shard_images=5_000) == 2 * large


def follow(remedy, corpus, findings):
    """Do what a remedy says; every file that it deletes is one that it names."""
    if "committed/SHARD.json, and" in remedy:
        for finding in findings.kept:
            if finding.shard_id and finding.check not in ("orphan", "leftover", "plan"):
                corpus.delete(marker_key(finding.shard_id))
    elif "report.json" in remedy:
        corpus.delete(REPORT_KEY)
    elif "file that is named" in remedy:
        for finding in findings.kept:
            if finding.check in ("orphan", "leftover"):
                (Path(corpus.uri) / finding.message.split()[0]).unlink()


@pytest.mark.parametrize(
    "name",
    ["an image is gone", "an image without a row", "an unfinished image", "no plan", "a wrong report", "an object twice in COCO",
     "a manifest that lacks a column", "a wrong marker"],
)  # fmt: skip
def test_what_verify_advises_mends_what_it_found(tmp_path, name):
    make_inputs(str(tmp_path))
    config = synth_config(str(tmp_path), num_images=6)
    make_here(config)
    corpus = Prefix(config.output)
    DAMAGES[name][0](corpus)
    found = check(corpus).findings
    assert found.counts
    for _ in range(2):  # what is deleted last is asked for only where it is still found
        for remedy in list(found.remedies())[:1]:
            follow(remedy, corpus, found)
        make_here(config)
        found = check(corpus).findings
    assert found.kept == []


def test_findings_are_counted_whole_and_kept_up_to_a_bound(corpus):
    shard = sorted(committed_shards(corpus))[0]
    for number in range(KEPT_PER_CHECK + 7):
        corpus.write(f"images/{shard}/{number}.png", b"x")
    findings = check(corpus).findings
    assert findings.counts == Counter(orphan=KEPT_PER_CHECK + 7)
    assert (len(findings.kept), findings.num_left_out) == (KEPT_PER_CHECK, 7)


def test_what_is_no_corpus_is_refused(tmp_path):
    with pytest.raises(RunMismatch, match="is no run"):
        verify(str(tmp_path), sample=None, workers=None)
    with pytest.raises(ConfigError, match="a sample of -1"):
        verify(str(tmp_path), sample=-1, workers=None)


def copy_to(corpus, uri):
    target = Prefix(uri)
    for key in corpus.list_keys():
        target.write(key, corpus.read(key))
    return target


@pytest.mark.s3
def test_a_corpus_in_a_bucket_is_verified_alike(corpus, s3_uri):
    assert found_in(copy_to(corpus, f"{s3_uri}/sound")) == set()
    spoil_image(flip)(corpus)
    delete(marker_key)(corpus)
    add_shard(corpus)
    assert found_in(copy_to(corpus, f"{s3_uri}/damaged")) == {"image", "marker", "orphan"}


@pytest.mark.ray
@pytest.mark.slow
def test_workers_find_what_one_process_finds(ray_cluster, corpus):
    spoil_image(flip)(corpus)
    drop_row(corpus)
    add_shard(corpus)
    here, there = check(corpus), check(corpus, workers=2)
    assert there.counted == here.counted
    assert there.findings.counts == here.findings.counts
    assert {str(each) for each in there.findings.kept} == {str(each) for each in here.findings.kept}
