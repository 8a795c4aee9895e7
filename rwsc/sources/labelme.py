"""Reader for LabelMe: a JSON file per image."""

from collections import Counter
from collections.abc import Iterator

from rwsc.sources.labelme_json import FORM
from rwsc.sources.pairing import Convention, Pairing, listed_scan, read_first
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.splits import split_in_path
from rwsc.sources.tree import SourceTree

_CONVENTION = Convention(
    suffixes=(".json",),
    annotation_folders=("json", "jsons", "labelme", "annotations", "annotation", "labels", "label", "ann"),
    image_folders=("images", "image", "jpegimages", "imgs", "img"),
)
_NUM_PROBED = 5


def recognise(tree: SourceTree) -> str | None:
    """Recognise images with JSON files of the same stem that hold shapes."""
    pairing = Pairing(tree, _CONVENTION)
    probed = read_first(tree, pairing.annotations(_NUM_PROBED))
    if not any(b'"shapes"' in data for data in probed):
        return None
    return f"LabelMe's JSON in {pairing.annotation_folders[0] or 'the folder itself'}"


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images, those with a JSON file first.

    LabelMe writes no file for an image on which nothing was drawn: such a one is listed as harmless, with the
    flag ``no_annotation_file``.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Yields:
        The images.
    """
    for pair in Pairing(tree, _CONVENTION).pairs(dropped):
        yield listed_scan(
            tree,
            pair.image,
            annotation=pair.annotation,
            form=FORM,
            problem=pair.problem,
            split=split_in_path(pair.image.rpartition("/")[0]),
            flags=() if pair.annotation else ("no_annotation_file",),
        )


READER = Reader("labelme", recognise, list_scans)
