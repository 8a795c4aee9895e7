"""What a licence text lets one do, and which of two licences is the stricter."""

import re
from enum import IntEnum

from rwsc.sources.known import find_dataset

_ACADEMIC = re.compile(
    r"\bacademic|\bnon ?commercial|\b(no|not for|without) commercial"
    r"|\bcommercial use (is )?(not|prohibited|forbidden)\b|\bresearch|\beducation|\bscientific|\bnc\b"
)
_WEIGHED = re.compile(
    r"\b(nd|sa)\b|\bno ?deriv|\bshare ?alike|\ball rights reserved|\bproprietary|\bpersonal|\bnon ?profit"
    r"|\bpermission|\brequires|\bonly\b|\bnot\b|\bexcept"
)
_PERMISSIVE = re.compile(
    r"\bphantom|\bapache|\bmit\b|\bbsd\b|\bcc ?0\b|\bcc by\b|\bpublic domain\b"
    r"|\bcreative commons attribution\b"
)


class Licence(IntEnum):
    """How much a licence restricts, in rising order."""

    PERMISSIVE = 0
    """Any use, at most with attribution."""

    UNKNOWN = 1
    """Nothing stated, or terms that a person has to weigh (share-alike, no derivatives)."""

    ACADEMIC = 2
    """Academic, research or non-commercial use only."""


def classify(text: str | None) -> Licence:
    """Rank a licence text.

    Args:
        text: Name of a licence or a sentence about it, in English; None where nothing is stated.

    Returns:
        ACADEMIC where any word restricts use to research or forbids commerce, whatever else is stated;
        PERMISSIVE for a known permissive licence; UNKNOWN otherwise.

    Example:
        >>> classify("CC-BY-NC 4.0").name, classify("CC BY 4.0").name, classify(None).name
        ('ACADEMIC', 'PERMISSIVE', 'UNKNOWN')
    """
    words = re.sub(r"[\W_]+", " ", text or "").lower()
    if _ACADEMIC.search(words):
        return Licence.ACADEMIC
    if _PERMISSIVE.search(words) and not _WEIGHED.search(words):
        return Licence.PERMISSIVE
    return Licence.UNKNOWN


def stricter_of(first: str | None, *others: str | None) -> str | None:
    """Give the licence text that restricts most; of equals the first, and a text before none."""
    return max((first, *others), key=lambda text: (classify(text), bool(text)))


def licence_of_dataset(dataset: str | None) -> str | None:
    """Give the terms of a well-known public dataset, or None for one that is not known.

    Re-uploads of academic datasets often state something else, so a name that only contains that of an academic
    dataset counts too; terms that allow more hold for the very name alone.

    Args:
        dataset: Name as a source states it, for example ``SIXray (positive)``.

    Returns:
        Text that `classify` ranks, or None.
    """
    known = find_dataset(dataset)
    if known is None or known.licence is None:
        return None
    very_name, given_name = (re.sub(r"[\W_]", "", text).lower() for text in (known.name, dataset or ""))
    if classify(known.licence) is not Licence.ACADEMIC and very_name != given_name:
        return None
    return f"{known.name}: {known.licence}"


def settle_licence(stated: str | None, given: str | None, dataset: str | None) -> str | None:
    """Settle a scan's licence among what its file states, what the user states and what is known.

    Args:
        stated: Text of the annotation file, or None.
        given: Text of the user, or None.
        dataset: Name of the dataset.

    Returns:
        The strictest of those that exist; None where none does.
    """
    texts = [text for text in (stated, given, licence_of_dataset(dataset)) if text]
    return stricter_of(*texts) if texts else None
