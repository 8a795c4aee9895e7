"""Run ``rwsc synth`` as a Ray job: ray job submit --working-dir . -- python jobs/synth.py --config FILE.toml."""

import sys

from rwsc.cli.main import main

if __name__ == "__main__":
    sys.argv.insert(1, "synth")
    main()
