import json

import pytest
from support.corpora import make_inputs, synth_config
from support.made_corpora import make_here

from rwsc.corpus.findings import CHECKS
from rwsc.storage.prefix import Prefix


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("verify"))
    make_inputs(root)
    config = synth_config(root)
    make_here(config)
    return Prefix(config.output)


def test_a_sound_corpus_says_so_and_a_damaged_one_ends_with_1(rwsc, corpus):
    code, out, err = rwsc("verify", corpus.uri)
    assert (code, out) == (0, "")
    assert "7 planned images in 3 shards" in err
    assert err.count(" ok ") == len(CHECKS)
    assert "7 read again, 7 held against their bags" in err
    assert "delete" not in err

    corpus.write("images/stray/\x61.png", b"x")
    code, out, err = rwsc("verify", corpus.uri)
    assert (code, out) == (1, "orphan\tstray\t-\t1 images of a shard that was not planned\n")
    assert "orphan   1 found" in err
    assert "orphan: delete the file that is named" in err
    assert "committed/SHARD.json, and" not in err
    code, out, _ = rwsc("verify", corpus.uri, "--json", "--sample", 2)
    document = json.loads(out)
    assert (code, document["ok"], document["images"]["read"]) == (1, False, 2)
    assert document["checks"] == {name: int(name == "orphan") for name in CHECKS}
    assert document["findings"] == [
        {
            "check": "orphan",
            "shard_id": "stray",
            "image_id": None,
            "message": "1 images of a shard that was not planned",
        }
    ]


def test_bags_that_are_gone_are_counted_and_are_no_finding(rwsc, tmp_path):
    make_inputs(str(tmp_path))
    config = synth_config(str(tmp_path))
    make_here(config)
    (tmp_path / "scans").rename(tmp_path / "elsewhere")
    code, out, err = rwsc("verify", config.output)
    assert (code, out) == (0, "")
    assert "7 read again, 0 held against their bags" in err
    assert "of 7 more the bag is gone" in err
    document = json.loads(rwsc("verify", config.output, "--json")[1])
    assert (document["ok"], document["images"]["without_bag"]) == (True, 7)


def test_what_is_no_corpus_ends_with_2(rwsc, tmp_path):
    code, out, err = rwsc("verify", tmp_path)
    assert (code, out) == (2, "")
    assert "is no run" in err
