import json

import numpy as np
import pytest
from support.corpora import make_inputs, synth_config
from support.made_corpora import make_here

from rwsc.corpus.commit import read_rows
from rwsc.corpus.plan_store import StoredPlan
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix


@pytest.fixture
def report(rwsc):
    return lambda *arguments: rwsc("report", *arguments)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("report"))
    make_inputs(root)
    return root


def made_rows(corpus):
    rows = [row for shard in StoredPlan(corpus).shards() for row in read_rows(corpus, shard.shard_id)]
    return [row for row in rows if row["status"] == "made"]


def test_a_sound_corpus_has_a_page_and_every_check_is_good(report, root, store_uri):
    config = synth_config(root, output=f"{store_uri}/corpus", controls={"empty_share": 0.3})
    make_here(config)
    page = f"{store_uri}/report.html"
    code, out, _ = report(config.output, "-o", page)
    assert (code, out) == (0, f"{page}\n")
    html = Prefix(store_uri).read("report.html").decode()
    assert html.count("data:image/jpeg;base64,") == len(made_rows(Prefix(config.output)))
    code, out, _ = report(config.output, "-o", page, "--json", "--overwrite", "--sample", 2)
    found = json.loads(out)
    assert (code, found["ok"], found["planned"], found["images_compared"]) == (0, True, config.num_images, 2)
    assert sum(each["inserted"] for each in found["classes"].values()) > 0


def test_what_was_done_to_pixels_is_seen(report, root, tmp_path):
    config = synth_config(root, output=f"{tmp_path}/corpus", seed=5)
    make_here(config)
    corpus = Prefix(config.output)
    row = made_rows(corpus)[0]
    image = decode_image(corpus.read(row["uri"])).copy()
    image[0, 0] ^= 255
    corpus.write(row["uri"], encode_image(np.ascontiguousarray(image)))
    code, out, err = report(corpus.uri, "-o", tmp_path / "r.html", "--json")
    assert code == 1
    assert [name for name, check in json.loads(out)["checks"].items() if not check["ok"]] == ["outside"]
    assert "look here: outside: 1 of" in err
    corpus.delete(row["uri"])
    code, out, _ = report(corpus.uri, "-o", tmp_path / "r.html", "--json", "--overwrite")
    assert not json.loads(out)["checks"]["readable"]["ok"]


def test_an_unfinished_corpus_and_one_that_drifts(report, root, tmp_path):
    config = synth_config(root, output=f"{tmp_path}/corpus", seed=6)
    make_here(config, num_shards=1)
    code, _, _ = report(config.output, "-o", tmp_path / "r.html")
    assert code == 0
    assert "unfinished" in (tmp_path / "r.html").read_text()
    code, _, err = report(config.output, "-o", tmp_path / "d.html", "--max-drift", "0.0001")
    assert code == 1
    assert "look here: drift: images differ from their bags by 0." in err


def test_bad_input_is_one_line_and_exit_code_2(report, root, tmp_path):
    (tmp_path / "there.html").write_text("mine")
    for arguments, message in [
        ([tmp_path / "none", "-o", tmp_path / "r.html"], "none"),
        ([f"{root}/items", "-o", tmp_path / "r.html"], "items"),
        ([tmp_path], "no file is given"),
        ([tmp_path, "-o", tmp_path / "there.html"], "there.html exists already"),
    ]:
        code, out, err = report(*arguments)
        assert (code, out) == (2, "")
        assert message in err.splitlines()[0]
    assert (tmp_path / "there.html").read_text() == "mine"


def test_a_report_is_written_whatever_the_run_left_as_its_duration(report, root, tmp_path):
    config = synth_config(root, output=str(tmp_path / "corpus"), num_images=3)
    make_here(config)
    for number, text in enumerate(
        ["[" * 100_000, '{"seconds": 1' + "0" * 400 + "}", '{"seconds": []}', "[]"]
    ):
        (tmp_path / "corpus" / "report.json").write_text(text)
        code, _, err = report(config.output, "-o", tmp_path / f"{number}.html", "--sample", 0)
        assert (code, "Traceback" in err) == (0, False), err
