import pytest

from rwsc.config import affects, load_settings
from rwsc.errors import ConfigError
from rwsc.items.config import ItemsConfig


def test_every_setting_says_what_it_means():
    assert all(info.description for info in ItemsConfig.model_fields.values())


def test_only_the_number_of_threads_leaves_the_items_alone():
    assert [n for n, info in ItemsConfig.model_fields.items() if affects(info) != "outputs"] == ["workers"]


def test_an_unknown_setting_is_refused():
    with pytest.raises(ConfigError, match=r"min_sid_px.*min_side_px"):
        load_settings(ItemsConfig, section="items", overrides={"min_sid_px": 3})
