"""Run ``rwsc train`` as a Ray job: ray job submit --working-dir . -- python jobs/train.py --config FILE.toml."""

import sys

from rwsc.cli.main import main

if __name__ == "__main__":
    sys.argv.insert(1, "train")
    main()
