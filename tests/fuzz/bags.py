"""Make a corpus of damaged bags as a worker does, in a process of its own."""

import sys
from pathlib import Path

from support.made_corpora import make_here

from fuzz.batches import bags_config

if __name__ == "__main__":
    folder, root, catalogue, number, views = sys.argv[1:]
    make_here(bags_config(Path(folder), Path(root), catalogue, int(number), paired=views == "2"))
