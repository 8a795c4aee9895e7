from collections import Counter, defaultdict

import pytest
from pydantic import ValidationError
from support.corpora import make_inputs, synth_config
from support.made_corpora import files_of, make_here
from support.things import item_row, thing, write_bank
from support.two_energies import draw_truths, write_truths
from support.two_views import VIEWS, paired_config

from rwsc.corpus.commit import commit_shard, committed_shards, read_rows
from rwsc.corpus.estimate import expected_objects
from rwsc.errors import ConfigError, SourceError
from rwsc.items.bank import ItemBank
from rwsc.items.build import build_items
from rwsc.runs.replay import replay
from rwsc.runs.synth_inputs import read_inputs
from rwsc.runs.verify import verify
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix


@pytest.fixture(scope="module")
def corpus(paired_root, tmp_path_factory):
    """A corpus of both views with controls."""
    controls = {"empty_share": 0.25, "negative_share": 0.25}
    output = str(tmp_path_factory.mktemp("corpora") / "pairs")
    config = paired_config(paired_root, output=output, num_images=16, controls=controls)
    make_here(config)
    return Prefix(config.output)


def rows_of(corpus):
    return [row for shard in sorted(committed_shards(corpus)) for row in read_rows(corpus, shard)]


def test_a_corpus_of_both_views_has_its_pairs_whole(corpus):
    by_pair = defaultdict(list)
    for row in rows_of(corpus):
        by_pair[row["pair_id"]].append(row)
    assert len(by_pair) == 8
    for one, other in by_pair.values():
        assert {one["view"], other["view"]} == set(VIEWS)
        for name in ("shard_id", "status", "role", "seed"):
            assert one[name] == other[name]
        for name in ("objects", "empty_insertions"):
            assert [thing["label"] for thing in one[name]] == [thing["label"] for thing in other[name]]
            things = [[thing["physical_item_id"] for thing in row[name]] for row in (one, other)]
            assert things[0] == things[1]
    assert Counter(row["role"] for row in rows_of(corpus)) == {"positive": 8, "empty": 4, "negative": 4}


def test_it_is_verified_and_an_image_of_it_is_made_again_alone(corpus):
    assert not verify(corpus.uri, sample=None, workers=None).findings.counts
    row = next(row for row in rows_of(corpus) if row["objects"] and row["view"] == "SD")
    assert replay(corpus.uri, row["image_id"]).is_equal


def test_a_torn_pair_is_found(paired_root, tmp_path):
    config = paired_config(paired_root, output=str(tmp_path / "torn"))
    make_here(config)
    corpus = Prefix(config.output)
    shard = min(committed_shards(corpus))
    rows = read_rows(corpus, shard)
    rows[1]["objects"] = []
    commit_shard(corpus, shard, rows)
    found = verify(corpus.uri, sample=0, workers=None).findings
    assert found.counts["pair"] == 1
    assert [each.image_id for each in found.kept if each.check == "pair"] == [rows[1]["image_id"]]


def test_a_corpus_of_pairs_grows_by_pairs_to_the_same_bytes(paired_root, tmp_path):
    whole = paired_config(paired_root, output=str(tmp_path / "whole"), num_images=10)
    make_here(whole)
    grown = paired_config(paired_root, output=str(tmp_path / "grown"), num_images=6)
    make_here(grown)
    with pytest.raises(ConfigError, match="3 images are no whole pairs"):
        make_here(grown, extend=3)
    make_here(grown, extend=4)
    assert files_of(grown.output) == files_of(whole.output)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_images": 7}, "num_images must be even where paired_views are set, not 7"),
        ({"shard_images": 3}, "shard_images must be even"),
        ({"controls": {"distractor_share": 0.1}}, "distractors are not known in two views"),
        (
            {"placement": {"occlusion_levels": [1, 1, 1]}},
            "placement.occlusion_levels is not known in two views",
        ),
        ({"placement": {"mm_per_px": {"a": 1.0}}}, "placement.mm_per_px is not known in two views"),
        ({"placement": {"priors": "priors.json"}}, "placement.priors is not known in two views"),
        ({"paired_views": {"OL": "x"}}, "a pair has two views, not 1: OL"),
        ({"paired_views": {"OL": "x", "SD": "z"}}, "paired_views.SD"),
    ],
)
def test_settings_that_tear_pairs_are_refused(paired_root, changes, message):
    with pytest.raises(ValidationError, match=message):
        paired_config(paired_root, **changes)


def test_what_there_is_no_pair_of_is_refused_before_a_run(paired_root, tmp_path):
    make_inputs(str(tmp_path))
    with pytest.raises(SourceError, match="no two show the views A and B"):
        read_inputs(paired_config(paired_root, paired_views={"A": "x", "B": "y"}))
    with pytest.raises(SourceError, match="no two show the views OL and SD"):
        read_inputs(paired_config(str(tmp_path)))
    both = paired_config(paired_root, items=synth_config(str(tmp_path)).items)
    with pytest.raises(SourceError, match="cut out of both views"):
        read_inputs(both)


def test_only_things_of_both_views_are_expected(paired_root):
    expected = expected_objects(paired_config(paired_root), ItemBank.load(f"{paired_root}/items"))
    assert set(expected) == {"gun", "knife"}


def test_scans_without_a_partner_are_told(paired_root, capsys):
    inputs = read_inputs(paired_config(paired_root))
    assert inputs.bags.num_rows == 6
    assert "3 bags of two views; 1 scans have no partner" in capsys.readouterr().err


def test_distractors_that_bags_of_two_energies_cannot_take_are_told(tmp_path, capsys):
    folder = Prefix(str(tmp_path))
    write_truths(folder.child("scans"), draw_truths(1), form="npy")
    index_to_catalogue(folder.uri_of("scans"), folder.uri_of("catalogue.parquet"))
    build_items(folder.uri_of("catalogue.parquet"), folder.uri_of("items"))
    write_bank(folder.uri_of("harmless"), [item_row("a", thing(0), label="shoe")])

    def told(**controls):
        read_inputs(synth_config(str(tmp_path), controls={"distractor_share": 0.5, **controls}))
        return capsys.readouterr().err

    assert "warning: no distractor has two energies, so 1 bags" in told(distractors=folder.uri_of("harmless"))
    assert "warning" not in told()


def test_of_a_split_no_bag_is_taken_that_shows_an_item_of_another(tmp_path, capsys):
    make_inputs(str(tmp_path), num_bags=12)
    config = synth_config(str(tmp_path), split="train")

    def bags_beside(*scan_ids):
        items = [item_row(f"own {number}", thing(number), split="train") for number in range(3)]
        others = [
            item_row(scan_id, thing(5), source_scan_id=scan_id, split="val", physical_item_id="other")
            for scan_id in scan_ids
        ]
        write_bank(config.items, [*items, *others])
        return read_inputs(config).bags["scan_id"].to_pylist()

    first, *rest = bags_beside()
    assert rest
    assert "left out" not in capsys.readouterr().err
    assert bags_beside(first) == rest
    assert "1 bags are left out: items of other splits than train were cut" in capsys.readouterr().err
    with pytest.raises(SourceError, match="every bag of split 'train' shows an item of another split"):
        bags_beside(first, *rest)
