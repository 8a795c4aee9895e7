"""Reader for EDS: three scanners, a folder each."""

import re
from collections import Counter
from collections.abc import Iterator

from rwsc.sources.box_lines import FORM
from rwsc.sources.pairing import annotated_first, count_strays, listed_scan
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.tree import SourceTree

_DOMAIN = re.compile(r"domain\d+", re.IGNORECASE)
_TXT = (".txt",)


def recognise(tree: SourceTree) -> str | None:
    """Recognise ``domain1/image`` beside ``domain1/txt``."""
    domains = _domains(tree)
    return f"{domains[0][1]} and {domains[0][2]}" if domains else None


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images; each shows at least one item. Domains are scanners, not splits.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Yields:
        The images, domain by domain, those with an annotation first.
    """
    for domain, images, texts in _domains(tree):
        for image, annotation in annotated_first(tree, images, texts, _TXT):
            yield listed_scan(
                tree,
                image,
                annotation=annotation,
                form=FORM,
                dataset="EDS",
                kind="threat",
                scanner_id=f"eds-{domain.lower()}",
                flags=() if annotation else ("no_annotation",),
            )
        count_strays(tree, images, texts, _TXT, dropped)


def _domains(tree: SourceTree) -> list[tuple[str, str, str]]:
    """Give name, folder of images and folder of annotations of each domain."""
    found = []
    for folder in tree.folders():
        images = tree.find_folder("image", "images", under=folder)
        texts = tree.find_folder("txt", under=folder)
        if _DOMAIN.fullmatch(folder) and images and texts and tree.images(images):
            found.append((folder, images, texts))
    return found


READER = Reader("eds", recognise, list_scans)
