import pytest
from support.corpora import bag_image, synth_config

from rwsc.corpus.estimate import Sample, expected_objects, hours, mean_items, to_document
from rwsc.corpus.make import Made
from rwsc.corpus.manifest import Outcome
from rwsc.corpus.mark import encode_marked
from rwsc.items.bank import ItemBank
from rwsc.placement.config import PlacementConfig

MADE = Made(
    Outcome(status="made", image_key="a.png", objects=[{"occlusion_level": 2}]),
    encode_marked(bag_image(0), "f" * 16, codec="png", jpeg_quality=90),
)
REJECTED = Made(Outcome(status="rejected", reason="no room for 3 items"))


def sample_of(*made):
    sample = Sample()
    sample.add(made, jpeg_quality=90)
    return sample


def test_sizes_grow_with_the_number_of_images_and_count_only_those_made():
    sizes = sample_of(MADE, MADE).gigabytes(1000)
    assert sizes["png"] == pytest.approx(1000 * len(MADE.data) / 1e9)
    assert sizes["npy"] == pytest.approx(1000 * (120 * 160 * 3 + 128) / 1e9, rel=0.01)
    assert sample_of(MADE, MADE).gigabytes(2000)["jpeg"] == pytest.approx(2 * sizes["jpeg"])
    assert sample_of(MADE, REJECTED).gigabytes(1000)["png"] == pytest.approx(sizes["png"] / 2)
    assert sample_of(REJECTED).gigabytes(1000) == {"png": None, "jpeg": None, "npy": None}


@pytest.mark.parametrize(
    ("rejected", "made", "low", "high"),
    # Wilson's interval as statsmodels gives it
    [(1, 9, 0.0179, 0.4042), (0, 16, 0.0, 0.1936), (8, 8, 0.2800, 0.7200)],
)
def test_shares_come_with_their_interval(rejected, made, low, high):
    share = sample_of(*[REJECTED] * rejected, *[MADE] * made).share("rejected")
    assert share == pytest.approx((rejected / (rejected + made), low, high), abs=1e-4)


def test_of_nothing_nothing_is_known():
    assert sample_of().share("failed") == (0.0, 0.0, 1.0)


def test_items_are_expected_by_class_weight_and_count(inputs_root):
    config = synth_config(
        inputs_root,
        num_images=1000,
        class_weights={"gun": 3.0},
        placement=PlacementConfig(items_min=1, items_max=3, count_weights=(1, 1, 2)),
        controls={"empty_share": 0.1, "negative_share": 0.1},
    )
    assert mean_items(config.placement) == 2.25
    assert expected_objects(config, ItemBank.load(config.items)) == pytest.approx({"gun": 1350, "knife": 450})


def test_hours_are_shared_by_workers_but_for_the_start():
    assert hours(3600, 2.0, 4, 0.0) == pytest.approx(0.5)
    assert hours(3600, 2.0, 4, 360.0) == pytest.approx(0.6)


def test_a_document_tells_what_was_tried(inputs_root):
    config = synth_config(inputs_root, num_images=10)
    document = to_document(config, sample_of(MADE, MADE, MADE, REJECTED), {"gun": 8.0})
    assert (document["images"], document["shards"], document["expected_made"]) == (10, 4, 8)
    assert document["sample"] == {"images": 4, "made": 3, "rejected": 1}
    assert document["reasons"] == {"no room for N items": 1}
    assert document["expected_objects"] == {"gun": 6}
    assert document["occlusion_levels"] == {"2": 3}
