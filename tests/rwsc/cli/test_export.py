import pytest
from support.corpora import make_inputs, synth_config
from support.exports import write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("export-cli"))
    make_inputs(root)
    return write_corpus(synth_config(root, num_images=3)).uri


def test_the_address_goes_to_stdout_and_what_matters_to_stderr(rwsc, corpus, tmp_path):
    code, out, err = rwsc("export", "yolo", corpus, "-o", str(tmp_path / "out"), "--task", "segment")
    assert (code, out) == (0, f"{tmp_path / 'out'}\n")
    assert "3 train images, 0 of them without labels" in err
    assert "there is no val" in err


def test_a_settings_file_says_the_rest(rwsc, corpus, tmp_path):
    code, printed, _ = rwsc("export", "webdataset", corpus, "-o", str(tmp_path / "out"), "--print-config")
    assert code == 0
    (tmp_path / "settings.toml").write_text(printed.replace("part_images = 1000", "part_images = 2"))
    code, _, err = rwsc("export", "webdataset", "--config", str(tmp_path / "settings.toml"))
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "out").glob("*.tar")) == [
        "train-000000.tar",
        "train-000001.tar",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--splits", "0.8"], "'0.8' is no split"),
        (["--splits", "a,b,c"], "'a,b,c' is no split"),
        (["--splits", "nan,1,1"], "export.splits"),
        (["--splits", "1e308,1e308,1"], "their sum is finite"),
        (["--splits", "0.8,0.1,0.1"], "such a split is impossible"),
        (["--task", "pose"], "export.task"),
        (["--negatives", "some"], "export.negatives"),
        (["--classes", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(rwsc, corpus, tmp_path, arguments, told):
    code, out, err = rwsc("export", "yolo", corpus, "-o", str(tmp_path / "out"), *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) <= 2


def test_an_unknown_format_is_told_with_those_there_are(rwsc, corpus, tmp_path):
    code, _, err = rwsc("export", "tfrecord", corpus, "-o", str(tmp_path / "out"))
    assert code == 2
    assert "'webdataset'" in err
