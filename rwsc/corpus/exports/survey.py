"""One look at all rows of a corpus before anything is exported: what there is, and whether a format can hold it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rwsc.corpus.exports.pictures import is_labelled, labels_of, suffix_of
from rwsc.corpus.exports.splits import Relations
from rwsc.errors import SourceError
from rwsc.sources.licences import stricter_of


@dataclass(kw_only=True)
class Survey:
    """What the exported images of a corpus are, in numbers."""

    num_images: int = 0
    num_unlabelled: int = 0
    """Images without a single label, exported or not."""

    num_by_label: Counter[str] = field(default_factory=Counter)
    """Labelled objects by class."""

    num_without_mask: int = 0
    """Labelled objects of which only a box is known."""

    num_by_licence: Counter[str] = field(default_factory=Counter)
    """Images by the text of their licence, empty where none is stated."""

    num_by_suffix: Counter[str] = field(default_factory=Counter)
    num_deep: int = 0
    """Images of more than 8 bits a channel."""

    @property
    def licence(self) -> str | None:
        """The strictest licence of all images; None where any image states none and none is academic."""
        texts = [text or None for text in sorted(self.num_by_licence)]
        return stricter_of(*texts) if texts else None

    def refuse_arrays(self, format_name: str) -> None:
        """Refuse images that are no pictures.

        Args:
            format_name: A format whose readers open pictures alone.

        Raises:
            SourceError: There are some.
        """
        if number := self.num_by_suffix[".npy"]:
            raise SourceError(
                f"{format_name} wants pictures, but {number:,} of {self.num_images:,} images of the corpus are .npy",
                remedy="export coco or webdataset, which keep them as they are, or make the corpus from colour scans",
            )


def look_at(
    rows: Iterable[dict[str, Any]], *, keep_negatives: bool, relations: Relations | None = None
) -> Survey:
    """Count what will be exported.

    Args:
        rows: Made rows.
        keep_negatives: Whether images without a label are exported.
        relations: Filled in, where images are to be split.

    Returns:
        The counts.
    """
    survey = Survey()
    for row in rows:
        labelled = is_labelled(row)
        survey.num_unlabelled += not labelled
        if not (labelled or keep_negatives):
            continue
        survey.num_images += 1
        survey.num_by_label.update(labels_of(row))
        survey.num_without_mask += sum(
            not thing["mask_rle"] for thing in (*row["objects"], *row["bag_objects"])
        )
        survey.num_by_licence[row["licence"] or ""] += 1
        survey.num_by_suffix[suffix_of(row)] += 1
        survey.num_deep += row["bit_depth"] > 8
        if relations is not None:
            # Not by empty insertions, of which nothing is to be seen, nor by harmless things, which have no label.
            items = {thing["physical_item_id"] for thing in row["objects"]}
            # Which of them the labels of the bag's own things mean is not known, so all count where there is a label.
            own = row["bag_items"] if row["bag_objects"] else ()
            relations.add(row["bag_kin"], items, own=own)
    return survey
