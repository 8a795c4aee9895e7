"""How well items are cut out: on phantoms whose truth is known, and on scans that have masks."""

import time
from collections.abc import Collection
from typing import Any

from rwsc.evaluation.extraction import phantom_tables, scan_tables
from rwsc.evaluation.extraction_phantoms import check_phantoms
from rwsc.evaluation.extraction_scans import check_scans
from rwsc.items.config import ItemsConfig
from rwsc.items.outliner_on_demand import OutlinerOnDemand
from rwsc.runs.machine import describe_machine
from rwsc.runs.talk import Progress, say

PHANTOM_SEED = 20_262
"""Of the benchmark's scenes; the outliner was trained on others."""

_TOLD_EVERY = 100


def measure_items(
    num_phantoms: int, catalogue_uri: str | None, *, without_groups: Collection[str] = ()
) -> dict[str, Any]:
    """Measure the extraction of items at default settings.

    Args:
        num_phantoms: Phantom scenes.
        catalogue_uri: Catalogue of scans with masks, or None.
        without_groups: Groups of its scans to leave out.

    Returns:
        ``phantoms``, ``scans`` where a catalogue is given, ``seconds_per_phantom`` and ``machine``.

    Raises:
        ConfigError: A group to leave out is that of no scan.
        SourceError: The catalogue is of no use; see `rwsc.evaluation.extraction_scans.check_scans`.
    """
    config = ItemsConfig()
    found: dict[str, Any] = {}
    with OutlinerOnDemand() as outliner:
        if catalogue_uri is not None:  # first, so that a catalogue of no use is told at once
            say("masked scans ...")
            scans = check_scans(catalogue_uri, config, outliner, without_groups=without_groups)
            found["scans"] = scan_tables(list(scans))
        started, checks = time.monotonic(), []
        progress = Progress(num_phantoms, noun="phantoms")
        for check in check_phantoms(num_phantoms, PHANTOM_SEED, config, outliner):
            checks.append(check)
            progress.done += 1
            if progress.done % _TOLD_EVERY == 0:
                progress.say()
        found["phantoms"] = phantom_tables(checks)
        found["seconds_per_phantom"] = round((time.monotonic() - started) / num_phantoms, 3)
    return {**found, "machine": describe_machine()}
