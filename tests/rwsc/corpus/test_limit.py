import pytest

from rwsc.corpus.limit import FailureLimit
from rwsc.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "images", "shown"),
    [("0", 0, "0"), ("20", 20, "20"), ("0%", 0, "0 %"), ("0.5%", 5, "0.5 %"), ("100%", 1000, "100 %")],
)
def test_a_number_or_a_share_of_the_planned_images(text, images, shown):
    limit = FailureLimit.parse(text)
    assert limit.images_of(1000) == images
    assert str(limit) == shown


@pytest.mark.parametrize(
    ("text", "num_images", "images"),
    [("29%", 100, 29), ("57%", 100, 57), ("58%", 100, 58), ("0.7%", 1_000, 7), ("0.7%", 999, 6)],
)
def test_a_share_is_not_one_image_short(text, num_images, images):
    assert FailureLimit.parse(text).images_of(num_images) == images


@pytest.mark.parametrize(
    "text", ["", "-1", "many", "1.5", "101%", "100.000000001%", "%", "1e3", "nan%", "١٢"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match="no number of failed images"):
        FailureLimit.parse(text)
