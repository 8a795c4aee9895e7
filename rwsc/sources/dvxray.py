"""Reader for DvXray: every bag seen from above and from the side."""

import re
from collections import Counter
from collections.abc import Iterator

from rwsc.sources.dvxray_json import FORM
from rwsc.sources.pairing import NO_IMAGE, Stems, folders_below, listed_scan
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, join, stem_of

_VIEW = re.compile(r"(?P<bag>.+)_(?P<view>OL|SD)", re.IGNORECASE)
_JSON = (".json",)
_PARTS = {"positive": "threat", "negative": "benign"}


def recognise(tree: SourceTree) -> str | None:
    """Recognise ``DvXray_Positive_Samples`` or ``DvXray_Negative_Samples`` with pairs ``_OL`` and ``_SD``."""
    for part, folder in _parts(tree):
        for place in folders_below(tree, folder):
            if any(_VIEW.fullmatch(stem_of(name)) for name in tree.images(place)):
                return f"{part} samples with views OL and SD in {place or 'the folder itself'}"
    return None


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images, a scan per view; the views of a bag share their group.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Yields:
        The images, positive samples first.
    """
    for part, top in _parts(tree):
        for folder in folders_below(tree, top):
            yield from _folder(tree, folder, part, dropped)


def _folder(tree: SourceTree, folder: str, part: str, dropped: Counter[str]) -> Iterator[SourceScan]:
    annotations = Stems(tree, folder, _JSON)
    for name in tree.images(folder):
        found = _VIEW.fullmatch(stem_of(name))
        if found is None:
            dropped["image whose name states no view"] += 1
            continue
        annotation = annotations.find(found["bag"])
        yield listed_scan(
            tree,
            join(folder, name),
            annotation=annotation,
            form=FORM,
            options={"view": found["view"].upper()},
            dataset="DvXray",
            kind=_PARTS[part],
            group=f"{part}-{found['bag']}",
            view=found["view"].upper(),
            flags=("no_annotation",) if part == "positive" and annotation is None else (),
        )
    images = Stems(tree, folder, IMAGE_SUFFIXES)
    for name in tree.files(folder, _JSON):
        bag = stem_of(name)
        if not any(images.find(f"{bag}_{view}") for view in ("OL", "SD", "ol", "sd")):
            dropped[NO_IMAGE] += 1


def _parts(tree: SourceTree) -> list[tuple[str, str]]:
    """Give the folders of positive and of negative samples, which the source itself may be."""
    found = []
    for folder in (*tree.folders(), ""):
        name = (folder or tree.root.uri.rpartition("/")[2]).lower()
        part = next((part for part in _PARTS if re.search(rf"{part}[ _-]*samples?", name)), None)
        if part is not None:
            found.append((part, folder))
    # A source that is itself called so holds one part; folders inside it are that part's.
    inside = [(part, folder) for part, folder in found if folder]
    return sorted(inside or found, reverse=True)


READER = Reader("dvxray", recognise, list_scans)
