import shutil
import threading
from dataclasses import asdict

import numpy as np
import pytest
from support.corpora import make_inputs, synth_config
from support.made_corpora import files_of, make_here

from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.manifest import RunFacts
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ObjectMissing
from rwsc.runs.carried import raise_carried
from rwsc.runs.shard_worker import ShardWorker
from rwsc.storage.prefix import Prefix


def test_what_a_worker_cannot_open_reaches_the_driver_as_a_value(tmp_path):
    config = SynthConfig(
        items=str(tmp_path / "gone"),
        bags=str(tmp_path / "catalogue.parquet"),
        output=str(tmp_path / "corpus"),
        num_images=1,
        engine="tip",
    )
    facts = RunFacts(engine="tip", weights_sha256="", config_fingerprint="0", code_version="0")
    worker = ShardWorker(config.model_dump(), asdict(facts), "cpu")
    counts = worker({"shard_id": np.array(["a"]), "number": np.array([0])})
    assert [int(counts[status][0]) for status in ("made", "rejected", "failed")] == [0, 0, 0]
    with pytest.raises(ObjectMissing, match="gone"):
        raise_carried(counts)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    make_inputs(str(root))
    return root


def rows_of(config):
    corpus = Prefix(config.output)
    return {row["image_id"]: row for shard in committed_shards(corpus) for row in read_rows(corpus, shard)}


@pytest.mark.parametrize("steps", [[5], [2, 3], [1, 1, 3]])
def test_a_corpus_that_grew_is_that_of_having_asked_for_all_at_once(root, tmp_path, steps):
    # 4 images in shards of 3: the last shard has room, which the first of the new images take.
    def config(name, number):
        return synth_config(str(root), output=f"{tmp_path}/{name}", num_images=number)

    assert len(make_here(config("at-once", 9))) == 9
    number = 4
    first = make_here(config("grown", number))
    old = {path: path.stat().st_mtime_ns for path in (tmp_path / "grown" / "images").rglob("*.png")}
    for more in steps:
        made = make_here(config("grown", number), extend=more)
        assert len(made) == more
        assert not set(made) & set(first)
        number += more
    assert files_of(f"{tmp_path}/grown") == files_of(f"{tmp_path}/at-once")
    assert {path: path.stat().st_mtime_ns for path in old} == old


def test_an_extension_that_was_killed_is_finished_by_the_same_call(root, tmp_path):
    config = synth_config(str(root), output=f"{tmp_path}/grown", num_images=4)
    make_here(config)
    make_here(config, extend=5, num_shards=2)
    assert len(make_here(config, extend=5)) == 3
    at_once = synth_config(str(root), output=f"{tmp_path}/at-once", num_images=9)
    make_here(at_once)
    assert files_of(config.output) == files_of(at_once.output)


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("layout", ["files", "webdataset"])
def test_an_extension_cut_at_any_write_is_finished_by_the_same_call_to_the_same_bytes(
    root, tmp_path, monkeypatch, layout
):
    def config(name, number):
        return synth_config(str(root), output=f"{tmp_path}/{name}", num_images=number, layout=layout)

    make_here(config("at-once", 8))
    make_here(config("small", 4))
    write, left = Prefix.write, [10**6]

    def cut_write(prefix, key, data, **how):
        left[0] -= 1
        if left[0] < 0:
            raise PowerCut
        write(prefix, key, data, **how)

    monkeypatch.setattr(Prefix, "write", cut_write)
    for writes in range(100):
        shutil.copytree(tmp_path / "small", tmp_path / f"cut-{writes}")
        grown = config(f"cut-{writes}", 4)
        left[0] = writes
        try:
            make_here(grown, extend=4)
        except PowerCut:
            left[0] = 10**6
            make_here(grown, extend=4)
            assert files_of(grown.output) == files_of(f"{tmp_path}/at-once"), writes
        else:
            break
    assert writes > 8  # run card, 2 shards of manifest and marker, one of them in three steps, and the images


def test_only_failed_images_are_tried_again_and_then_the_corpus_is_the_undisturbed_one(tmp_path):
    make_inputs(str(tmp_path), num_bags=5)
    undisturbed = synth_config(str(tmp_path), output=f"{tmp_path}/undisturbed", num_images=8)
    make_here(undisturbed)

    bag = next((tmp_path / "scans" / "bags").iterdir())
    data = bag.read_bytes()
    bag.unlink()
    config = undisturbed.model_copy(update={"output": f"{tmp_path}/corpus"})
    make_here(config)
    failed = {name for name, row in rows_of(config).items() if row["status"] == "failed"}
    assert 1 <= len(failed) <= 2

    before = files_of(config.output)
    assert make_here(config) == []
    assert set(make_here(config, retry_failed=True)) == failed  # the bag is still gone
    assert files_of(config.output) == before

    bag.write_bytes(data)
    assert make_here(config) == []
    assert set(make_here(config, retry_failed=True)) == failed
    assert files_of(config.output) == files_of(undisturbed.output)
    assert make_here(config, retry_failed=True) == []


def test_threads_change_no_byte(tmp_path):
    make_inputs(str(tmp_path), num_bags=9)
    next((tmp_path / "scans" / "bags").iterdir()).write_bytes(b"no image any more")
    controls = {"empty_share": 0.2, "negative_share": 0.2, "distractor_share": 0.5}

    def config(name):
        changes = {"num_images": 45, "shard_images": 20, "controls": controls}
        return synth_config(str(tmp_path), output=f"{tmp_path}/{name}", **changes)

    make_here(config("in-turn"))
    make_here(config("beside"), threads=3)
    assert files_of(f"{tmp_path}/beside") == files_of(f"{tmp_path}/in-turn")
    assert {row["status"] for row in rows_of(config("beside")).values()} == {"made", "failed"}


@pytest.mark.parametrize(("threads", "overlaps"), [(1, False), (2, True)])
def test_the_next_group_is_drafted_while_one_is_fused_where_there_are_threads(
    root, tmp_path, monkeypatch, threads, overlaps
):
    drafted, overlapped = threading.Semaphore(0), []
    draft, fuse = ImageMaker.draft, ImageMaker.fuse

    def draft_and_tell(self, *arguments):
        drafted.release()
        return draft(self, *arguments)

    def fuse_and_look(self, drafts):
        for _ in drafts:  # its own
            assert drafted.acquire(timeout=30)
        is_more = drafted.acquire(timeout=5 if overlaps else 0.1)
        if is_more:
            drafted.release()
        overlapped.append(is_more)
        return fuse(self, drafts)

    monkeypatch.setattr(ImageMaker, "draft", draft_and_tell)
    monkeypatch.setattr(ImageMaker, "fuse", fuse_and_look)
    make_here(
        synth_config(str(root), output=f"{tmp_path}/corpus", num_images=24, shard_images=24), threads=threads
    )
    assert overlapped == ([True, True, False] if overlaps else [False] * 3)
