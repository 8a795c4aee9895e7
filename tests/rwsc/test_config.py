import pytest
from pydantic import Field, ValidationError, model_validator

from rwsc.config import (
    ADDRESS,
    SPEED,
    Settings,
    differences,
    errors_under,
    fingerprint,
    load_settings,
    output_values,
    to_toml,
)
from rwsc.errors import ConfigError


class Inner(Settings):
    size_px: int = 4
    """Side, in pixels."""

    threads: int = Field(default=1, json_schema_extra=SPEED)
    """Threads."""


class Outer(Settings):
    name: str = Field(json_schema_extra=ADDRESS)
    """Where."""

    rate: float = 0.5
    """Rate."""

    labels: list[str] = Field(default=[])
    """Labels."""

    weights: dict[str, float] = Field(default={})
    """Weights."""

    split: str | None = None
    """Split."""

    inner: Inner = Inner()
    """Nested."""


def load(file=None, **flags):
    return load_settings(Outer, section="synth", file=file and str(file), overrides=flags)


def write(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_flags_weigh_more_than_the_file_and_the_file_more_than_defaults(tmp_path):
    file = write(tmp_path, '[synth]\nname = "a"\nrate = 0.25\n[synth.inner]\nsize_px = 8\n')
    settings = load(file, rate=0.75)
    assert (settings.name, settings.rate, settings.inner.size_px) == ("a", 0.75, 8)


def test_flags_that_were_not_given_change_nothing(tmp_path):
    assert load(write(tmp_path, '[synth]\nname = "a"\nrate = 0.25\n'), rate=None).rate == 0.25


def test_dotted_flags_reach_nested_settings():
    assert load(name="a", **{"inner.size_px": 16}).inner.size_px == 16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[synth]\nname = "a"\nrat = 1\n', r"unknown setting synth.rat; did you mean 'rate'\?"),
        (
            '[synth]\nname = "a"\n[synth.inner]\nsizepx = 1\n',
            r"unknown setting synth.inner.sizepx; did you mean 'size_px'\?",
        ),
        ('[snth]\nname = "a"\n', r"unknown table \[snth\]; did you mean 'synth'\?"),
        ('[synth]\nname = "a"\nrate = "fast"\n', r"synth.rate = 'fast'"),
        ("[synth]\n", r"synth.name is not set"),
        (f"[synth]\nname = 'a'\n{'x' * 70_000} = 1\n", r"^unknown setting synth.x{77}\.\.\."),
        (f"[{'x' * 70_000}]\n", r"unknown table \[x{77}\.\.\.\]$"),
        ("[synth\n", r"is not readable TOML"),
        (f"[synth]\nrate = {'9' * 5000}\n", r"is not readable TOML"),
        ('[synth]\nname = "${RWSC_NO_SUCH_VARIABLE}"\n', r"the environment has no RWSC_NO_SUCH_VARIABLE"),
        ("synth = 3\n", r"'synth' must be a table"),
    ],
)
def test_a_bad_file_is_refused_with_the_offending_value(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(write(tmp_path, text))


class Pair(Settings):
    low: int = 0
    """Low."""

    high: int = 1
    """High."""

    @model_validator(mode="after")
    def _in_order(self):
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


def test_settings_that_do_not_go_together_are_named_without_all_the_others():
    with pytest.raises(ConfigError) as found:
        load_settings(Pair, section="pair", overrides={"low": 7})
    assert found.value.message == "pair: low (7) is above high (1)"


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no settings file"):
        load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not readable TOML"):
        load(tmp_path / "binary.toml")


def test_variables_of_the_environment_are_put_in(tmp_path, monkeypatch):
    monkeypatch.setenv("RWSC_TEST_FOLDER", "/here")
    assert load(write(tmp_path, '[synth]\nname = "${RWSC_TEST_FOLDER}/x"\n')).name == "/here/x"


def test_only_what_changes_outputs_enters_the_fingerprint():
    base = fingerprint(load(name="a"), "hash")
    assert fingerprint(load(name="b", **{"inner.threads": 9}), "hash") == base
    assert fingerprint(load(name="a", rate=0.1), "hash") != base
    assert fingerprint(load(name="a", **{"inner.size_px": 5}), "hash") != base
    assert fingerprint(load(name="a"), "other") != base


def test_output_values_hold_no_address_and_no_speed():
    assert output_values(load(name="a")) == {
        "rate": 0.5, "labels": [], "weights": {}, "split": None, "inner": {"size_px": 4}
    }  # fmt: skip


def test_printed_settings_read_back_as_they_were(tmp_path):
    settings = load(
        name='a "quoted" \\ name', labels=["x", "ü"], weights={"gun": 2.0}, **{"inner.size_px": 7}
    )
    assert load(write(tmp_path, to_toml(settings, "synth"))) == settings


def test_printed_settings_carry_their_meaning():
    assert "# Side, in pixels." in to_toml(load(name="a"), "synth")


def test_differences_name_what_changed_and_how():
    old, new = {"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 5, "d": 3}, "e": 6}
    assert differences(old, new) == ["b.c: 2 -> 5", "e: None -> 6"]


def test_a_long_value_does_not_make_a_long_line():
    (line,) = differences({"grid": list(range(500))}, {"grid": "uniform"})
    assert line.endswith("... -> uniform")
    assert len(line) < 120


class Parts(Settings):
    part: dict[str, object] = Field(default={})
    """Settings of another kind, checked apart."""

    @model_validator(mode="after")
    def _fits(self):
        try:
            Inner(**self.part)
        except ValidationError as error:
            raise errors_under("part", error) from None
        return self


@pytest.mark.parametrize("value", ["many", None, [1]])
def test_what_is_checked_apart_is_named_by_its_whole_path(value):
    with pytest.raises(ConfigError, match=r"^synth\.part\.size_px = "):
        load_settings(Parts, section="synth", overrides={"part": {"size_px": value}})
