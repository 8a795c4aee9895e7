import shutil

import numpy as np
import pytest
from support.corpora import make_inputs, synth_config

from rwsc.errors import ConfigError, ObjectExists, SourceError
from rwsc.runs.claimed import settle_plan
from rwsc.runs.preview import write_comparison, write_preview
from rwsc.runs.shard_worker import ShardWorker
from rwsc.runs.synth_inputs import read_inputs
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, read_uri
from rwsc.storage.run_card import claim_run, read_run_card, rewrite_run_card

CONTROLS = {"empty_share": 0.25, "negative_share": 0.25, "distractor_share": 1.0}


def make_corpus(root, name, **changes):
    """Make a corpus shard by shard in this process, without a cluster; leave out its last shard."""
    config = synth_config(root, output=f"{root}/{name}", num_images=9, **changes)
    inputs, corpus = read_inputs(config), Prefix(config.output)
    claim_run(corpus, inputs.card)
    plan = settle_plan(corpus, config, inputs.bags)
    facts = {name: getattr(inputs.facts, name) for name in inputs.facts.__slots__}
    worker = ShardWorker(config.model_dump(), facts, "cpu")
    for shard in plan.shards()[:-1]:
        worker.make_shard(shard.shard_id, shard.number)
    return config.output


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("preview"))
    make_inputs(root)
    return root


@pytest.fixture(scope="module")
def corpus(root):
    return make_corpus(root, "corpus", controls=CONTROLS)


def sheet_of(path):
    return decode_image(read_uri(str(path)))


def test_a_sheet_of_a_corpus_with_controls(corpus, tmp_path):
    assert write_preview(corpus, str(tmp_path / "a.png"), num_images=4, overwrite=False) == 4
    assert write_preview(corpus, str(tmp_path / "b.png"), num_images=500, overwrite=False) == 6
    small, large = sheet_of(tmp_path / "a.png"), sheet_of(tmp_path / "b.png")
    assert large.shape[0] > small.shape[0]
    assert large.shape[1] == small.shape[1]
    with pytest.raises(ObjectExists):
        write_preview(corpus, str(tmp_path / "a.png"), num_images=4, overwrite=False)


def test_engines_side_by_side_take_a_column_each(corpus, tmp_path):
    widths = []
    for number, engines in enumerate((["tip"], ["tip", "alpha", "poisson"])):
        path = str(tmp_path / f"{number}.png")
        shown = write_comparison(corpus, path, engines=engines, weights=None, num_images=2, overwrite=False)
        assert shown == 2
        widths.append(sheet_of(path).shape[1])
    assert widths[1] - widths[0] == 2 * 328


@pytest.mark.parametrize(
    ("engines", "message"),
    [
        ([], "no engine is named"),
        (["tip", "magic"], "no engine 'magic'"),
        (["tip", "tip"], "named twice in tip,tip"),
    ],
)
def test_engines_that_cannot_be_are_refused_before_anything_is_drawn(corpus, tmp_path, engines, message):
    with pytest.raises(ConfigError, match=message) as refused:
        write_comparison(
            corpus, str(tmp_path / "s.png"), engines=engines, weights=None, num_images=2, overwrite=False
        )
    assert "tip" in refused.value.remedy or "twice" in message
    assert not list(tmp_path.iterdir())


def test_an_engine_that_cannot_take_the_scans_says_so_in_its_column(corpus, tmp_path):
    path = str(tmp_path / "s.png")
    write_comparison(corpus, path, engines=["tip_dual"], weights=None, num_images=1, overwrite=False)
    sheet = sheet_of(path).astype(int)
    assert (np.ptp(sheet, axis=2) > 100).any()  # written in red


def test_a_corpus_without_images_is_refused(root, tmp_path):
    config = synth_config(root, output=str(tmp_path / "corpus"))
    inputs, corpus = read_inputs(config), Prefix(config.output)
    claim_run(corpus, inputs.card)
    settle_plan(corpus, config, inputs.bags)
    for draw in (
        lambda: write_preview(corpus.uri, "s.png", num_images=1, overwrite=False),
        lambda: write_comparison(
            corpus.uri, "s.png", engines=["tip"], weights=None, num_images=1, overwrite=False
        ),
    ):
        with pytest.raises(SourceError, match="holds no made image yet"):
            draw()


def with_card(corpus, output, **settings):
    """Copy a corpus with other settings on its card, as another version would have written them."""
    shutil.copytree(corpus, output)
    card = read_run_card(Prefix(str(output)))
    card["settings"] = {**card["settings"], **settings}
    rewrite_run_card(Prefix(str(output)), card)
    return str(output)


def test_a_corpus_of_settings_that_are_gone_is_shown_without_them(corpus, tmp_path, capsys):
    gone = {"noise": True, "sharpness": True, "max_blur_px": 1.0, "max_sharpening": 0.5}
    older = with_card(corpus, tmp_path / "older", match=gone, fusion={"opacity": 0.5, "feather_px": 2})
    assert write_preview(older, str(tmp_path / "a.png"), num_images=2, overwrite=False) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in told] == [
        "warning: this version knows no match.max_sharpening",
        "warning: this version knows no fusion.feather_px",
    ]
    write_comparison(
        older, str(tmp_path / "b.png"), engines=["alpha"], weights=None, num_images=1, overwrite=False
    )
    write_comparison(
        corpus, str(tmp_path / "c.png"), engines=["alpha"], weights=None, num_images=1, overwrite=False
    )
    assert (sheet_of(tmp_path / "b.png") != sheet_of(tmp_path / "c.png")).any()  # the opacity is its own


def test_settings_that_are_refused_now_are_named(corpus, tmp_path):
    older = with_card(corpus, tmp_path / "older", fusion={"opacity": 7})
    with pytest.raises(SourceError, match=r"made with a fusion\.opacity that this version refuses"):
        write_preview(older, str(tmp_path / "a.png"), num_images=2, overwrite=False)


def test_a_bag_that_has_changed_is_refused(tmp_path):
    make_inputs(str(tmp_path))
    corpus = make_corpus(str(tmp_path), "corpus")
    for bag in (tmp_path / "scans").rglob("*.png"):
        bag.write_bytes(encode_image(np.full((90, 80, 3), 200, np.uint8)))
    with pytest.raises(SourceError, match="has changed since it was indexed"):
        write_preview(corpus, str(tmp_path / "a.png"), num_images=2, overwrite=False)


def test_a_corpus_that_others_changed_is_refused_in_words(corpus, tmp_path):
    folder = with_card(corpus, tmp_path / "changed")
    card = read_run_card(Prefix(folder))
    rewrite_run_card(Prefix(folder), {**card, "addresses": {}})
    with pytest.raises(SourceError, match="does not say where its items lie"):
        write_preview(folder, str(tmp_path / "a.png"), num_images=2, overwrite=False)
    rewrite_run_card(Prefix(folder), card)
    for data, message in (
        (encode_image(np.zeros((3, 4, 3), np.uint8)), "does not fit its bag"),
        (b"no picture", "cannot be shown: the file is no JPEG"),
    ):
        for path in (tmp_path / "changed" / "images").rglob("*.png"):
            path.write_bytes(data)
        with pytest.raises(SourceError, match=message):
            write_preview(folder, str(tmp_path / "a.png"), num_images=2, overwrite=False)
