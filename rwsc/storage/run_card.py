"""run.json: what a run folder belongs to, written first; other settings or inputs are refused."""

import json
from typing import Any

from rwsc.config import differences
from rwsc.errors import ObjectExists, ObjectMissing, RunMismatch
from rwsc.storage.prefix import Prefix

RUN_CARD_KEY = "run.json"


def claim_run(run: Prefix, card: dict[str, Any]) -> bool:
    """Mark a folder as belonging to a run, or make sure that it already does.

    Args:
        run: The run's folder.
        card: What identifies the run: ``kind``, ``fingerprint``, ``settings``, ``inputs`` and versions.

    Returns:
        True when the run is new, False when it is taken up again.

    Raises:
        RunMismatch: The folder belongs to another run; the message names the first difference.
    """
    try:
        run.write(RUN_CARD_KEY, _encoded(card), overwrite=False)
    except ObjectExists:
        _refuse_other(run, read_run_card(run), card)
        return False
    return True


def rewrite_run_card(run: Prefix, card: dict[str, Any]) -> None:
    """Write the card of a run that is there in place of its old one; see `claim_run`."""
    run.write(RUN_CARD_KEY, _encoded(card))


def read_run_card(run: Prefix) -> dict[str, Any]:
    """Read what a run folder belongs to.

    Args:
        run: The run's folder.

    Returns:
        The card as `claim_run` wrote it.

    Raises:
        RunMismatch: There is none, or it is not readable.
    """
    try:
        run.check_readable()  # whatever reads a run begins here, and a store that is down is told within seconds
        card = json.loads(run.read(RUN_CARD_KEY))
    except ObjectMissing:
        raise RunMismatch(
            f"{run.uri} is no run: it has no {RUN_CARD_KEY}", remedy="check the address"
        ) from None
    except (ValueError, RecursionError) as error:
        raise RunMismatch(
            f"{run.uri_of(RUN_CARD_KEY)} is damaged: {error}", remedy="use another folder"
        ) from None
    if not isinstance(card, dict) or not isinstance(card.get("fingerprint"), str):
        raise RunMismatch(f"{run.uri_of(RUN_CARD_KEY)} is no run card", remedy="use another folder")
    return card


def _encoded(card: dict[str, Any]) -> bytes:
    return (json.dumps(card, indent=1, sort_keys=True) + "\n").encode()


def _refuse_other(run: Prefix, old: dict[str, Any], new: dict[str, Any]) -> None:
    if old.get("kind") == new["kind"] and old["fingerprint"] == new["fingerprint"]:
        return
    watched = ("kind", "settings", "inputs", "code_version")
    lines = differences({name: old.get(name) for name in watched}, {name: new.get(name) for name in watched})
    shown = "; ".join(lines[:3]) + (f"; and {len(lines) - 3} more" if len(lines) > 3 else "")
    raise RunMismatch(
        f"{run.uri} belongs to another run: {shown or 'its fingerprint differs'}",
        remedy="use another output folder, or give the settings of that run",
    )
