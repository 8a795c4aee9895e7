import pytest
from pydantic import ValidationError

from rwsc.placement.config import PlacementConfig


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"items_min": 3, "items_max": 2}, r"items_min \(3\) is above items_max \(2\)"),
        ({"scale_min": 2.0}, r"scale_min \(2.0\) is above scale_max \(1.2\)"),
        ({"items_min": 0}, "items_min"),
        ({"max_item_fraction": 1.1}, "max_item_fraction"),
        ({"edge_margin_px": -1}, "edge_margin_px"),
        ({"max_attempts": 3}, "max_attempts"),
        ({"count_weights": (1, 2)}, "count_weights needs 1 numbers, not 2"),
        ({"items_max": 2, "count_weights": (0, 0)}, "count_weights must be 0 or more and not all 0"),
        ({"occlusion_levels": (1, 1)}, "occlusion_levels needs 3 numbers, not 2"),
        ({"occlusion_levels": (1, -1, 1)}, "occlusion_levels must be 0 or more"),
        ({"occlusion_levels": (1, float("nan"), 1)}, "occlusion_levels must be 0 or more"),
        ({"mm_per_px": {"smiths": 0}}, "mm_per_px of 'smiths' must be above 0, not 0"),
        ({"overlap_share": 1.5}, "overlap_share"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings_, message):
    with pytest.raises(ValidationError, match=message):
        PlacementConfig(**settings_)


def test_every_setting_is_described():
    assert all(field.description for field in PlacementConfig.model_fields.values())


def test_priors_that_were_never_read_are_not_taken_for_none():
    assert PlacementConfig().learned is None
    with pytest.raises(ValueError, match=r"the priors a\.json were never read"):
        _ = PlacementConfig(priors="a.json").learned
