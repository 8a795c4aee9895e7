"""Bags of made-up inputs, and plans of them."""

from rwsc.corpus.bag_items import items_by_scan, with_bag_items
from rwsc.corpus.plan import PlanSettings, build_plan
from rwsc.corpus.usable_bags import usable_bags
from rwsc.sources.catalogue import read_catalogue


def bags_of(root):
    """The harmless scans of the catalogue in a folder."""
    bags = usable_bags(read_catalogue(f"{root}/catalogue.parquet"), ["benign"], None)
    return with_bag_items(bags, items_by_scan(f"{root}/items"))


def plan_of(bags, num_images, **changes):
    """A plan of seed 0 in shards of four images, unless asked for otherwise."""
    return build_plan(bags, PlanSettings(num_images=num_images, **{"seed": 0, "shard_images": 4, **changes}))
