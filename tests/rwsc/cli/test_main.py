import pytest
from support.corpora import make_inputs

from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    make_inputs(str(folder))
    return folder


def test_index_and_build_print_where_the_result_is(rwsc, root, tmp_path):
    code, out, err = rwsc("sources", "index", root / "scans", "-o", "catalogue.parquet")
    assert (code, out) == (0, f"{tmp_path}/catalogue.parquet\n")
    assert "ok 9" in err
    code, out, err = rwsc("items", "build", "catalogue.parquet", "-o", "items")
    assert (code, out) == (0, f"{tmp_path}/items/items.parquet\n")
    assert "ok 4" in err


def test_nothing_is_overwritten_without_consent(rwsc, root):
    rwsc("sources", "index", root / "scans", "-o", "catalogue.parquet")
    code, _, err = rwsc("sources", "index", root / "scans", "-o", "catalogue.parquet")
    assert code == 2
    assert "catalogue.parquet" in err
    assert "--overwrite" in err
    assert rwsc("sources", "index", root / "scans", "-o", "catalogue.parquet", "--overwrite")[0] == 0


def errors(err):
    """The lines of a clean error: what is wrong, and what to do."""
    assert "Traceback" not in err
    return [line for line in err.splitlines() if line.startswith(("error:", "try:"))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sources", "index", "nowhere", "-o", "c.parquet"], "nowhere"),
        (["sources", "index"], "index.source is not set"),
        (["items", "build", "nowhere.parquet", "-o", "items"], "nowhere.parquet"),
        (["train", "--items", "x", "--bags", "y"], "train.output is not set"),
        (["train", "--items", "x", "--bags", "y", "-o", "o", "--size", "huge"], "train.size = 'huge'"),
        (
            ["train", "--items", "x", "--bags", "y", "-o", "o", "--batch", "5", "--workers", "2"],
            "not a multiple",
        ),
        (["train", "-o", "o"], "train.items is not set"),
        (["train", "-o", "o", "--items", "x"], "train.bags is not set"),
        (
            ["train", "-o", "o", "--items", "x", "--phantoms", "9"],
            "phantoms 9 train in place of items and bags",
        ),
        (
            ["synth", "--items", "x", "--bags", "y", "-o", "o", "--items-per-bag", "many"],
            "'many' is no number",
        ),
        (
            ["synth", "--items", "x", "--bags", "y", "-o", "o", "--items-per-bag", "9" * 5000],
            "is no number",
        ),
        (
            ["synth", "--items", "x", "--bags", "y", "-o", "o", "--items-per-bag", "1-"],
            "'1-' is no number",
        ),
        (
            ["synth", "--items", "x", "--bags", "y", "-o", "o", "--items-per-bag", "3-1"],
            "items_min (3) is above",
        ),
        (["synth", "--items", "x", "--bags", "y", "-o", "o", "--engine", "magic"], "synth.engine = 'magic'"),
        (["synth", "--config", "nowhere.toml"], "no settings file nowhere.toml"),
        (["preview", "nowhere", "-o", "sheet.png"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_a_remedy_and_exit_code_2(rwsc, arguments, message):
    code, out, err = rwsc(*arguments)
    assert code == 2
    assert out == ""
    assert message in errors(err)[0]


def test_an_endless_value_is_shown_by_its_ends(rwsc, root, tmp_path):
    (tmp_path / "taxonomy.toml").write_text(f"[classes]\ngun = {'9' * 4000}\n")
    code, _, err = rwsc("sources", "index", root / "scans", "-o", "c.parquet", "--taxonomy", "taxonomy.toml")
    (what, _) = errors(err)
    assert code == 2
    assert len(what) < 700
    assert "taxonomy.toml" in what
    assert "999 ... 999" in what


def test_synth_names_what_is_wrong_with_its_inputs(rwsc, root, tmp_path):
    (tmp_path / "sword.toml").write_text("[synth]\nclass_weights = {sword = 1.0}\n")
    common = ["--bags", root / "catalogue.parquet", "-o", "corpus"]
    for arguments, message in [
        (["--items", root / "items", "--engine", "u2fusion"], "the engine u2fusion needs weights"),
        (
            ["--items", root / "items", "--engine", "tip", "--config", "sword.toml"],
            "class_weights names 'sword'",
        ),
        (["--items", root / "items", "--weights", tmp_path / "none"], "no weights"),
        (["--items", root / "catalogue.parquet", "--engine", "tip"], "rwsc.catalogue"),
        (["--items", tmp_path / "none", "--engine", "tip"], "none"),
    ]:
        code, _, err = rwsc("synth", *common, *arguments)
        assert code == 2
        assert message in errors(err)[0], err
    assert not (tmp_path / "corpus").exists() or not any((tmp_path / "corpus").iterdir())


def test_a_source_that_is_no_coco_file_is_refused(rwsc, tmp_path):
    (tmp_path / "broken.json").write_text('{"images": 3}')
    code, _, err = rwsc("sources", "index", "broken.json", "-o", "c.parquet")
    assert code == 2
    assert "broken.json" in errors(err)[0]


def test_a_commercial_corpus_refuses_academic_items(rwsc, root, tmp_path):
    (tmp_path / "s.toml").write_text('[synth]\ndeclared_use = "commercial"\nengine = "tip"\n')
    rwsc("sources", "index", root / "scans", "-o", "c.parquet", "--licence", "academic use only")
    rwsc("items", "build", "c.parquet", "-o", "items")
    code, _, err = rwsc(
        "synth", "--items", "items", "--bags", "c.parquet", "-o", "corpus", "--config", "s.toml"
    )
    assert code == 2
    assert "declared commercial" in errors(err)[0]
    assert "academic use only" in errors(err)[0]


def test_a_commercial_corpus_refuses_weights_that_were_trained_on_academic_data(rwsc, root, tmp_path):
    network = RwscNetwork(named_config("tiny"))
    card = WeightsCard(network=network.config, code_version="0", data_licence="SIXray: academic use only")
    for name, data in zip(("w.safetensors", "w.json"), encode_weights(network, card), strict=True):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "s.toml").write_text('[synth]\ndeclared_use = "commercial"\n')
    inputs = ["--items", root / "items", "--bags", root / "catalogue.parquet", "--weights", "w.safetensors"]
    code, _, err = rwsc("synth", *inputs, "-o", "corpus", "--config", "s.toml")
    assert code == 2
    assert "SIXray: academic use only" in errors(err)[0]


def test_print_config_needs_no_addresses(rwsc):
    for verb in (["train"], ["synth"], ["sources", "index"], ["items", "build"]):
        code, out, _ = rwsc(*verb, "--print-config")
        assert code == 0
        assert 'output = "..."' in out


def test_ctrl_c_says_how_to_go_on(rwsc, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("rwsc.runs.doctor.examine", interrupt)
    code, _, err = rwsc("doctor")
    assert code == 130
    assert "the same command takes the work up again" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train.network]\nedge_atention = false\n", "unknown setting network.edge_atention"),
        ("[train.network]\nname = 'tiny'\n", "unknown setting network.name"),
        ("[train.sample]\nscale_min = 2.0\nscale_max = 1.0\n", "scale_min 2.0 is above scale_max 1.0"),
        (
            "[train]\nworkers = 4\nbatch = 4\nvalidation_samples = 2\n",
            "validation_samples 2 is less than workers 4",
        ),
        ("[train]\nclip_norm = inf\n", "clip_norm"),
        ("[train]\nseed = 99999999999999999999\n", "seed"),
        ("[synth]\nplacement = 3\n", "placement"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_anything_starts(rwsc, tmp_path, text, message):
    (tmp_path / "s.toml").write_text(text)
    verb = "train" if "[train" in text else "synth"
    extra = ["--items-per-bag", "2"] if verb == "synth" else []
    code, _, err = rwsc(verb, "--items", "x", "--bags", "y", "-o", "o", "--config", "s.toml", *extra)
    assert code == 2
    assert message in errors(err)[0]


def test_print_config_shows_every_setting_and_starts_nothing(rwsc, tmp_path):
    code, out, _ = rwsc(
        "synth", "--items", "x", "--bags", "y", "-o", "corpus", "--num-images", "5", "--print-config"
    )
    assert code == 0
    assert "num_images = 5" in out
    assert "[synth.placement]" in out
    assert not (tmp_path / "corpus").exists()


@pytest.mark.s3
def test_a_missing_bucket_and_a_wrong_secret_are_told_apart(rwsc, root, s3_server, s3_env, monkeypatch):
    arguments = [
        "synth",
        "--items",
        root / "items",
        "--bags",
        root / "catalogue.parquet",
        "--engine",
        "tip",
        "-o",
    ]
    code, _, err = rwsc(*arguments, "s3://no-such-bucket-here/corpus")
    assert code == 2
    assert "no-such-bucket-here" in errors(err)[0]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-value")
    code, _, err = rwsc(*arguments, f"s3://{s3_server.bucket}/corpus")
    assert code == 2
    assert len(errors(err)) == 2
    assert "wrong-secret-value" not in err
