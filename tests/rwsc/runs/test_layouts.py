"""A corpus of each layout is the same corpus: same rows and images, whatever they lie in."""

import json
import os
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import numpy as np
import pytest
import webdataset
from support.corpora import make_inputs, synth_config
from support.exports import export_to
from support.made_corpora import files_of, make_here

from rwsc.corpus.coco import COCO_KEY
from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.containers import container_key, read_image
from rwsc.errors import RunMismatch, SourceError
from rwsc.runs.preview import write_preview
from rwsc.runs.replay import replay
from rwsc.runs.report import write_report
from rwsc.runs.verify import verify
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix

LAYOUTS = ("files", "parquet", "webdataset")
CONTAINERS = LAYOUTS[1:]
OF_A_LAYOUT = ("uri", "config_fingerprint")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Inputs, and a corpus of each layout, one of its bags gone."""
    root = tmp_path_factory.mktemp("layouts")
    make_inputs(str(root))
    (root / "scans" / "bags" / "bag 0.png").rename(root / "bag 0.png")
    for layout in LAYOUTS:
        make_here(config_of(root, layout))
    return root


def config_of(root, layout, **changes):
    controls = {"empty_share": 0.2, "negative_share": 0.2}
    defaults = {"num_images": 10, "shard_images": 4, "controls": controls, "output": f"{root}/{layout}"}
    return synth_config(str(root), layout=layout, **{**defaults, **changes})


def rows_of(corpus):
    return [row for shard in sorted(committed_shards(corpus)) for row in read_rows(corpus, shard)]


def made_of(corpus):
    return [row for row in rows_of(corpus) if row["status"] == "made"]


def checked(corpus, sample=None):
    return verify(corpus.uri, sample=sample, workers=None).findings


@pytest.mark.parametrize("layout", CONTAINERS)
def test_rows_and_images_are_those_of_files(root, layout):
    there, plain = Prefix(f"{root}/{layout}"), Prefix(f"{root}/files")
    assert {row["status"] for row in rows_of(there)} == {"made", "failed"}
    for row, other in zip(rows_of(there), rows_of(plain), strict=True):
        assert [row[name] for name in row if name not in OF_A_LAYOUT] == [
            other[name] for name in other if name not in OF_A_LAYOUT
        ]
        if row["status"] == "made":
            assert read_image(there, row["uri"]) == plain.read(other["uri"])
    assert {key for key in there.list_keys("images")} == {
        container_key(shard, layout) for shard in committed_shards(there)
    }


@pytest.mark.parametrize("layout", CONTAINERS)
def test_a_corpus_in_any_store_is_sound(root, layout, store_uri):
    here = Prefix(f"{root}/{layout}")
    corpus = Prefix(store_uri)
    make_here(config_of(root, layout, output=store_uri))
    assert files_of(corpus.uri) == files_of(here.uri)
    for sample in (None, 0, 3):
        assert checked(corpus, sample).kept == []


@pytest.mark.parametrize("layout", CONTAINERS)
def test_another_layout_is_another_corpus(root, layout):
    with pytest.raises(RunMismatch, match="layout"):
        make_here(config_of(root, layout, output=f"{root}/files"))


@pytest.fixture(params=CONTAINERS)
def corpus(request, root, tmp_path):
    shutil.copytree(root / request.param, tmp_path / "corpus")
    return Prefix(str(tmp_path / "corpus"))


def first_container(corpus):
    return sorted(Path(corpus.uri_of("images")).iterdir())[0]


def flip(path):
    data = bytearray(path.read_bytes())
    # The middle of a tar may be the padding between two images, which nothing depends on.
    inside_an_image = data.find(b"IDAT")
    data[inside_an_image + 8 if inside_an_image >= 0 else len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "flipped": (lambda path: flip(path), "image"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-12000]), "image"),
    "empty": (lambda path: path.write_bytes(b""), "image"),
    "gone": (lambda path: path.unlink(), "image"),
    "of another shard": (lambda path: shutil.copy(sorted(path.parent.iterdir())[1], path), "orphan"),
    "of no shard": (lambda path: shutil.copy(path, path.with_stem("unknown")), "orphan"),
    "beside the containers": (lambda path: path.with_name("x.png").write_bytes(b"x"), "orphan"),
    "in a folder": (lambda path: shutil.copy(path, _folder(path) / "x.png"), "orphan"),
    "half written": (lambda path: path.with_name(".rwsc-part-x").write_bytes(b"x"), "leftover"),
}


def _folder(path):
    path.with_suffix("").mkdir()
    return path.with_suffix("")


@pytest.mark.parametrize("name", DAMAGE)
def test_verify_finds_what_is_wrong_with_containers(corpus, name):
    damage, check = DAMAGE[name]
    damage(first_container(corpus))
    assert check in checked(corpus).counts
    if name not in ("flipped", "cut"):
        assert check in checked(corpus, sample=0).counts


def test_preview_report_and_replay_read_containers(root, corpus, tmp_path):
    plain = Prefix(f"{root}/files")
    found = []
    for each, name in ((corpus, "a"), (plain, "b")):
        write_preview(each.uri, str(tmp_path / f"{name}.png"), num_images=6, overwrite=False)
        page = str(tmp_path / f"{name}.html")
        found.append(write_report(each.uri, page, sample=10, max_drift_nepers=9.0, overwrite=False))
    assert {**found[0], "corpus": ""} == {**found[1], "corpus": ""}
    assert found[0]["made"]
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    row = made_of(corpus)[0]
    assert replay(corpus.uri, row["image_id"]).stored == "is the same"
    first_container(corpus).unlink()
    assert replay(corpus.uri, made_of(corpus)[0]["image_id"]).stored == "is missing"


def test_replay_tells_of_a_damaged_container(corpus):
    row = made_of(corpus)[0]
    path = first_container(corpus)
    path.write_bytes(path.read_bytes()[:700])
    assert replay(corpus.uri, row["image_id"]).stored.startswith("is damaged")


@pytest.mark.parametrize("format", ["yolo", "hf", "webdataset", "coco", "voc"])
def test_exports_have_the_same_bytes_whatever_the_layout(root, format, tmp_path):
    found = [
        files_of(export_to(Prefix(f"{root}/{layout}"), tmp_path / layout, format, clean_twin=True).uri)
        for layout in LAYOUTS
    ]
    of_a_run = {"run.json", "export.json", "summary.json"}
    kept = [{key: value for key, value in files.items() if key not in of_a_run} for files in found]
    assert len(kept[0]) > 1
    assert kept[0] == kept[1] == kept[2]


def test_an_export_of_a_damaged_container_is_one_clear_line(corpus, tmp_path):
    flip(first_container(corpus))
    with pytest.raises(SourceError, match=r"images/\w+\.(parquet|tar)"):
        export_to(corpus, tmp_path / "out", "yolo")


def test_the_coco_file_names_image_and_container(corpus):
    coco = json.loads(corpus.read(COCO_KEY))
    named = {image["image_id"]: f"{image['container']}#{image['file_name']}" for image in coco["images"]}
    assert named == {row["image_id"]: row["uri"] for row in made_of(corpus)}


def test_the_library_datasets_reads_the_containers_as_they_lie(root, tmp_path):
    corpus = Prefix(f"{root}/parquet")
    files = [corpus.uri_of(key) for key in corpus.list_keys("images")]
    found = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))
    assert isinstance(found.features["image"], datasets.Image)
    images = {sample["image_id"]: np.asarray(sample["image"]) for sample in found}
    rows = {row["image_id"]: row for row in made_of(corpus)}
    assert images.keys() == rows.keys()
    for image_id, row in rows.items():
        np.testing.assert_array_equal(images[image_id], decode_image(read_image(corpus, row["uri"])))


def test_the_library_webdataset_reads_the_containers_as_they_lie(root):
    corpus = Prefix(f"{root}/webdataset")
    files = [corpus.uri_of(key) for key in corpus.list_keys("images")]
    samples = {
        sample["__key__"]: sample["png"] for sample in webdataset.WebDataset(files, shardshuffle=False)
    }
    assert samples == {row["image_id"]: read_image(corpus, row["uri"]) for row in made_of(corpus)}


@pytest.fixture
def own_root(root, tmp_path):
    """A copy of the inputs, the lost bag still lost."""
    shutil.copytree(root / "scans", tmp_path / "scans")
    make_inputs(str(tmp_path))
    (tmp_path / "scans" / "bags" / "bag 0.png").rename(tmp_path / "bag 0.png")
    return tmp_path


def without_markers(files):
    return {key: value for key, value in files.items() if not key.startswith("committed/")}


class PowerCutError(BaseException):
    pass


def with_cut(monkeypatch, writes_left):
    """Let the power fail after some writes, of whatever object."""
    left = [writes_left]
    write = Prefix.write

    def cut(self, key, data, **options):
        if not left[0]:
            raise PowerCutError
        left[0] -= 1
        write(self, key, data, **options)

    monkeypatch.setattr(Prefix, "write", cut)


@pytest.mark.parametrize("layout", CONTAINERS)
@pytest.mark.long
def test_retried_and_extended_corpora_equal_those_made_at_once_wherever_the_power_fails(
    own_root, layout, monkeypatch
):
    config = config_of(own_root, layout)
    make_here(config)
    (own_root / "bag 0.png").rename(own_root / "scans" / "bags" / "bag 0.png")
    whole = config_of(own_root, layout, num_images=13, output=f"{own_root}/whole")
    make_here(whole)
    wanted = files_of(whole.output)
    before = own_root / "before"
    shutil.copytree(config.output, before)
    num_cuts = 0
    while True:
        shutil.rmtree(config.output)
        shutil.copytree(before, config.output)
        corpus = Prefix(config.output)
        with monkeypatch.context() as patch:
            with_cut(patch, num_cuts)
            try:
                make_here(config, extend=3, retry_failed=True)
                was_cut = False
            except PowerCutError:
                was_cut = True
        for row in made_of(corpus):  # whatever manifest is there, its images are
            assert replay(corpus.uri, row["image_id"]).stored == "is the same"
        if not was_cut:
            break
        make_here(config, extend=3, retry_failed=True)
        # A marker may describe the manifest that was there before too.
        assert without_markers(files_of(config.output)) == without_markers(wanted)
        assert checked(corpus).kept == []
        num_cuts += 1
    assert files_of(config.output) == wanted
    assert num_cuts > 10
