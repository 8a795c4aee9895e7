"""What a corpus folder belongs to, and how a corpus grows."""

from typing import Any

from rwsc.corpus.settings import SynthConfig
from rwsc.corpus.summary import forget_totals, is_summed_up
from rwsc.errors import ConfigError, RunMismatch, SourceError
from rwsc.storage.prefix import Prefix
from rwsc.storage.run_card import claim_run, read_run_card, rewrite_run_card

_RESTORE = "restore run.json, or use another folder"


def read_corpus_card(corpus: Prefix) -> dict[str, Any]:
    """Read the run card of a corpus.

    Args:
        corpus: The corpus.

    Returns:
        The card.

    Raises:
        RunMismatch: There is no readable card.
        SourceError: The folder belongs to a run of another kind.
    """
    card = read_run_card(corpus)
    if card.get("kind") != "synth":
        raise SourceError(
            f"{corpus.uri} is no corpus but a run of kind {card.get('kind')!r}", remedy="check the address"
        )
    settings = card.get("settings")
    if not isinstance(settings, dict) or type(settings.get("num_images")) is not int:
        raise RunMismatch(
            f"the run card of {corpus.uri} does not say how large the corpus is", remedy=_RESTORE
        )
    _check_types(card, settings, corpus.uri)
    return card


def _check_types(card: dict[str, Any], settings: dict[str, Any], uri: str) -> None:
    """Refuse a card that its readers would stumble over; what older versions do not state may be missing."""
    for name, value in (
        *((name, card.get(name)) for name in ("addresses", "inputs")),
        *((f"settings.{name}", settings.get(name)) for name in ("placement", "controls", "fusion", "match")),
    ):
        if not isinstance(value, dict | None):
            raise RunMismatch(f"the run card of {uri} has no table as {name}", remedy=_RESTORE)
    for name in ("max_pixels", "shard_images"):
        if not (settings.get(name) is None or (type(settings[name]) is int and settings[name] > 0)):
            raise RunMismatch(f"the run card of {uri} has no number as {name}", remedy=_RESTORE)
    for name, address in (card.get("addresses") or {}).items():
        if not isinstance(address, str | None):
            raise RunMismatch(f"the run card of {uri} has no address of {name}", remedy=_RESTORE)


def extended(corpus: Prefix, config: SynthConfig, more: int) -> SynthConfig:
    """Give the settings of a corpus that is to have more images.

    Where the settings name a number of images, that is what the corpus was made with, so that the same call after
    an interruption adds nothing twice; where they do not, the corpus must be finished and grows from what it has.

    Args:
        corpus: The corpus.
        config: Its settings.
        more: Images to add.

    Returns:
        The same settings with the number of images afterwards.

    Raises:
        RunMismatch: There is no such corpus, it has another number of images, or it is not finished.
        ConfigError: Of pairs of views a half is asked for.
    """
    has = read_corpus_card(corpus)["settings"]["num_images"]
    if "num_images" in config.model_fields_set:
        base = config.num_images
        if has not in (base, base + more):
            raise RunMismatch(
                f"{corpus.uri} has {has:,} planned images, not {base:,}",
                remedy=f"--num-images {has} --extend {more} makes {has + more:,} of them",
            )
    elif is_summed_up(corpus):
        base = has
    else:
        raise RunMismatch(
            f"{corpus.uri} is not finished, so what {more:,} more than now would be is not clear",
            remedy=f"--num-images {has} finishes it; --num-images N --extend {more} makes {more:,} more than N",
        )
    if config.paired_views and more % 2:
        raise ConfigError(f"{more} images are no whole pairs of views", remedy="extend by an even number")
    return config.model_copy(update={"num_images": base + more})


def claim_corpus(corpus: Prefix, card: dict[str, Any], *, may_grow: bool) -> int:
    """Mark a folder as that of a corpus, or make sure that it already is; let the corpus grow where it may.

    What the corpus is made from may have moved since; its card then tells where it lies now, for all who make an image
    of it again.

    Args:
        corpus: The corpus.
        card: Its run card; `settings.num_images` stands outside the fingerprint.
        may_grow: Whether a corpus of fewer images becomes one of as many as the card says.

    Returns:
        Images that the corpus had before: as many as the card says, or fewer where it grows.

    Raises:
        RunMismatch: The folder belongs to another run, or its corpus has another number of images.
    """
    wanted = int(card["settings"]["num_images"])
    if claim_run(corpus, card):
        return wanted
    stored = read_corpus_card(corpus)
    has = int(stored["settings"]["num_images"])
    if has == wanted:
        if stored.get("addresses") != card.get("addresses"):
            rewrite_run_card(corpus, card)  # of the same fingerprint, so all else in it is equal
        return wanted
    if has > wanted or not may_grow:
        raise RunMismatch(
            f"{corpus.uri} belongs to another run: settings.num_images: {has} -> {wanted}",
            remedy=f"give --num-images {has}"
            + (f"; --num-images {has} --extend {wanted - has} lets it grow" if has < wanted else ""),
        )
    forget_totals(corpus)  # first: totals of fewer images must not pass for those of the larger corpus
    rewrite_run_card(corpus, card)
    return has
