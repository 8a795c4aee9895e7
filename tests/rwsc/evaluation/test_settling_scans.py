import pytest
from support.corpora import write_scans
from support.scenes import write_masked_bags

from rwsc.errors import SourceError
from rwsc.evaluation.extraction_scans import check_scans
from rwsc.evaluation.settling_scans import SettledItem, choose_without, settle_scans
from rwsc.items.config import ItemsConfig
from rwsc.items.in_box import SETTLING, Settling
from rwsc.items.outliner import default_outliner
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix


def indexed(folder, groups):
    write_masked_bags(Prefix(str(folder / "scans")), groups)
    index_to_catalogue(str(folder / "scans"), str(folder / "catalogue.parquet"))
    return str(folder / "catalogue.parquet")


def test_an_item_is_settled_as_the_bank_settles_it_and_in_the_other_ways(tmp_path):
    catalogue = indexed(tmp_path, ["a", "b", "b"])
    items = settle_scans(catalogue, default_outliner(), [SETTLING, Settling(bag=0.03, likely=0.5, item=0.97)])
    checks = list(check_scans(catalogue, ItemsConfig(), default_outliner()))
    assert [item.group for item in items] == ["a", "b", "b"]
    # The bank drops what of a mask is too faint to count, so a pixel or two may differ.
    assert [item.ious[0] for item in items] == pytest.approx([check.iou for check in checks], abs=0.01)
    assert any(item.ious[0] != item.ious[1] for item in items)


def test_scans_without_a_group_are_each_their_own(tmp_path):
    catalogue = indexed(tmp_path, [None, None])
    assert len({item.group for item in settle_scans(catalogue, default_outliner(), [SETTLING])}) == 2


def test_what_lies_alone_on_the_belt_is_found_alike_however_outlines_are_settled(tmp_path):
    write_scans(Prefix(str(tmp_path / "scans")), num_bags=1)
    index_to_catalogue(str(tmp_path / "scans"), str(tmp_path / "belt.parquet"))
    ways = [SETTLING, Settling(bag=0.03, likely=0.5, item=0.97)]
    items = settle_scans(str(tmp_path / "belt.parquet"), default_outliner(), ways)
    checks = list(check_scans(str(tmp_path / "belt.parquet"), ItemsConfig(), default_outliner()))
    assert items
    assert {check.method for check in checks} == {"threshold"}
    assert [item.ious for item in items] == [(check.iou, check.iou) for check in checks]


def test_no_group_has_a_part_in_the_choice_for_it():
    items = [
        SettledItem(group="a", ious=(0.2, 0.9)),
        SettledItem(group="a", ious=(0.2, 0.9)),
        SettledItem(group="b", ious=(0.8, 0.6)),
        SettledItem(group="c", ious=(0.7, 0.6)),
    ]
    assert choose_without(items) == {"a": 0, "b": 1, "c": 1}


def test_of_equals_the_first_is_chosen():
    items = [SettledItem(group=group, ious=(0.5, 0.5)) for group in "ab"]
    assert choose_without(items) == {"a": 0, "b": 0}


@pytest.mark.parametrize("groups", ["", "aaa"])
def test_one_group_cannot_be_judged(groups):
    items = [SettledItem(group=group, ious=(0.5, 0.6)) for group in groups]
    with pytest.raises(SourceError, match=f"masked items of {len(set(groups))} groups"):
        choose_without(items)
