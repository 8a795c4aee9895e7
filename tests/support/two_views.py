"""Inputs of a scanner with two views: bags and things from above and from the side."""

import numpy as np

from rwsc.storage.prefix import Prefix
from support.corpora import CocoScans, bag_image, index_and_cut, synth_config, thing_on_air

VIEWS = {"OL": "x", "SD": "x"}
"""Both views, whose belt runs along x."""

BAG_HW = {"OL": (120, 160), "SD": (104, 160)}
LABELS = ("gun", "knife")
ORIGIN = {"origin_dataset": "made up"}


def thing_image(seed, hw):
    """A bar that fills most of the belt's length on air, and its mask."""
    mask_HW = np.zeros(hw, bool)
    mask_HW[6:-6, 6:-6] = True
    mask_HW[9:-9, 10:16] = False
    return thing_on_air(seed, mask_HW), mask_HW


def write_two_views(folder: Prefix, *, num_bags=3, num_things=4):
    """A COCO tree of bags and things alone on the belt, each in two views, and a bag and a thing in one."""
    scans = CocoScans(folder, LABELS)
    for number, turn, view in _in_views(num_bags):
        image = bag_image(2 * number + turn, BAG_HW[view])
        scans.add_bag(f"bags/{number}_{view}.png", image, group=f"bag {number}", view=view, **ORIGIN)
    for number, turn, view in _in_views(num_things):
        thing = thing_image(2 * number + turn, (28 - 4 * turn, 46 + number))
        facts = {"group": f"thing {number}", "view": view, **ORIGIN}
        scans.add_thing(f"things/{number}_{view}.png", *thing, category=number, **facts)
    scans.write()


def _in_views(number_of_pairs):
    """Both views of so many, and one view of one more."""
    for number in range(number_of_pairs + 1):
        for turn, view in enumerate(VIEWS):
            if number < number_of_pairs or turn == 0:
                yield number, turn, view


def make_two_views(root: str):
    """Write scans, catalogue and item bank under a folder."""
    folder = Prefix(root)
    write_two_views(folder.child("scans"))
    index_and_cut(folder)


def paired_config(root: str, **changes):
    """Settings of a corpus of both views."""
    return synth_config(root, **{"paired_views": VIEWS, "num_images": 8, "shard_images": 4, **changes})
