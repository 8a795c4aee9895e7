"""Reader for EDS: three scanners, a folder each."""

import re
from collections import Counter
from collections.abc import Iterator

from rwsc.sources.box_lines import FORM
from rwsc.sources.pairing import annotated_first, count_strays, listed_scan
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.traces import find_trace
from rwsc.sources.tree import SourceTree

_DOMAIN = re.compile(r"domain\d+", re.IGNORECASE)
_TXT = (".txt",)


def recognise(tree: SourceTree) -> str | None:
    """Recognise ``domain1/image`` beside ``domain1/txt``, or without it where nothing else annotates the images."""
    domains = _domains(tree)
    for _, images, texts in domains:
        if texts is not None:
            return f"{images} and {texts}"
    alone = [images for _, images, _ in domains if images.lower().endswith("/image")]
    return f"{alone[0]}, without annotations" if alone and find_trace(tree) is None else None


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images; each shows at least one item, also in a domain without annotations.

    Domains are scanners, not splits.

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
        if texts is not None:
            count_strays(tree, images, texts, _TXT, dropped)


def _domains(tree: SourceTree) -> list[tuple[str, str, str | None]]:
    """Give name, folder of images and folder of annotations, if there is one, of each domain."""
    found = []
    for folder in tree.folders():
        images = tree.find_folder("image", "images", under=folder)
        texts = tree.find_folder("txt", under=folder)
        if _DOMAIN.fullmatch(folder) and images and tree.images(images):
            found.append((folder, images, texts))
    return found


READER = Reader("eds", recognise, list_scans)
