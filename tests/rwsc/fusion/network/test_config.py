import subprocess
import sys

import pytest
from pydantic import ValidationError

from rwsc.fusion.network.config import NetworkConfig, named_config


def test_every_setting_is_documented():
    assert [name for name, field in NetworkConfig.model_fields.items() if not field.description] == []


def test_the_defaults_are_those_of_the_slide():
    config = NetworkConfig()
    assert (config.edge_attention, config.ea_sign, config.ea_residual, config.ea_temperature) == (
        True,
        "slide",
        False,
        1.0,
    )
    assert config.rwsc == "full"


def test_a_named_size_takes_changes():
    config = named_config("tiny", edge_attention=False, rwsc="pooled_only")
    assert config.size == "tiny"
    assert config.stage_channels == (16, 32, 64)
    assert not config.edge_attention
    assert config.rwsc == "pooled_only"


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="no network size 'huge'; choose one of tiny, base"):
        named_config("huge")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ea_kernel", 4),
        ("stage_channels", (16,)),
        ("stage_channels", (16, 100_000)),
        ("stage_channels", (8,) * 7),
        ("ea_temperature", 0.0),
        ("hidden_channels", 10**6),
        ("sharpen_strength", 2.0),
        ("colour", "red"),
    ],
)
def test_values_out_of_range_are_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        named_config("tiny", **{field: value})


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        named_config("tiny").rwsc = "pooled_only"


def test_settings_survive_json():
    config = named_config("base", ea_kernel=5)
    assert NetworkConfig.model_validate_json(config.model_dump_json()) == config


def test_reading_settings_does_not_load_torch():
    code = "import sys, rwsc.fusion.network.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
