import pyarrow as pa
import pytest
from support.plans import bags_of
from support.things import item_row, thing, write_bank
from support.two_views import VIEWS

from rwsc.corpus.pairs import drawn_from, item_pairs, paired_bags
from rwsc.corpus.usable_bags import usable_bags
from rwsc.errors import SourceError
from rwsc.items.bank import ItemBank


@pytest.fixture(scope="module")
def bags(paired_root):
    return bags_of(paired_root)


def test_the_views_of_a_bag_lie_side_by_side_and_a_scan_without_partner_is_left_out(bags):
    paired = paired_bags(bags, VIEWS).select(["group", "view"]).to_pylist()
    assert bags.num_rows == 7
    assert [scan["view"] for scan in paired] == ["OL", "SD"] * 3
    assert [scan["group"] for scan in paired[::2]] == [scan["group"] for scan in paired[1::2]]
    assert {scan["group"] for scan in paired} == {"bag 0", "bag 1", "bag 2"}


def test_the_order_of_the_scans_does_not_matter(bags):
    turned = bags.take(pa.array(range(bags.num_rows - 1, -1, -1)))
    assert paired_bags(usable_bags(turned, ["benign"], None), VIEWS).equals(paired_bags(bags, VIEWS))


def test_three_scans_of_one_bag_are_no_pair(bags):
    many = pa.concat_tables([bags, bags.slice(0, 1)])
    assert paired_bags(many, VIEWS).num_rows == paired_bags(bags, VIEWS).num_rows - 2


def test_scans_whose_group_has_an_empty_name_are_no_pair(bags):
    place = bags.schema.get_field_index("group")
    groups = ["" if group == "bag 0" else group for group in bags["group"].to_pylist()]
    unnamed = bags.set_column(place, "group", pa.array(groups, pa.string()))
    assert paired_bags(unnamed, VIEWS).num_rows == paired_bags(bags, VIEWS).num_rows - 2


def test_bags_of_other_views_are_refused(bags):
    with pytest.raises(SourceError, match="of 7 usable scans no two show the views A and B of one bag"):
        paired_bags(bags, {"B": "x", "A": "x"})


def test_things_known_in_both_views_are_pairs(paired_root):
    bank = ItemBank.load(f"{paired_root}/items")
    pairs = item_pairs(bank, VIEWS)
    assert len(bank) == 9
    assert len(pairs) == 4
    for pair in pairs:
        assert [item.view for item in pair.views] == ["OL", "SD"]
        assert len({(item.group, item.label, item.physical_item_id) for item in pair.views}) == 1
        assert (pair.label, pair.dataset, pair.num_channels) == (pair.views[0].label, "made up", 3)
    assert drawn_from(bank.items, {}) == bank.items
    assert [pair.views for pair in drawn_from(bank.items, VIEWS)] == [pair.views for pair in pairs]


def a_bank(tmp_path, *facts):
    rows = [
        item_row(f"{number:016x}", thing(number), **{"group": "g", "label": "gun", **fact})
        for number, fact in enumerate(facts)
    ]
    write_bank(str(tmp_path), rows)
    return ItemBank.load(str(tmp_path))


def test_of_two_guns_in_one_view_none_is_matched_but_the_knife_is(tmp_path):
    bank = a_bank(
        tmp_path,
        {"view": "OL"},
        {"view": "OL"},
        {"view": "SD"},
        {"view": "OL", "label": "knife"},
        {"view": "SD", "label": "knife"},
    )
    assert [pair.label for pair in item_pairs(bank, VIEWS)] == ["knife"]


@pytest.mark.parametrize("fact", [{"group": "h"}, {"dataset": "e"}, {"scanner_id": "s"}, {"view": None}])
def test_items_of_other_bags_scanners_or_no_view_are_no_pair(tmp_path, fact):
    bank = a_bank(tmp_path, {"view": "OL"}, {"view": "SD", **fact})
    with pytest.raises(SourceError, match="cut out of both views, OL and SD, of a bag"):
        item_pairs(bank, VIEWS)
