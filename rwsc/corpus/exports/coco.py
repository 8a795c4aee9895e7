"""COCO: a folder of images per split, and a JSON file of boxes and masks for each."""

from collections.abc import Iterator
from typing import Any

from rwsc.corpus.coco import write_coco
from rwsc.corpus.exports.parts import Export, Part, Read, marker_key, write_folder_part
from rwsc.corpus.exports.pictures import Picture
from rwsc.corpus.exports.survey import Survey
from rwsc.storage.prefix import Prefix


class CocoFormat:
    """Images in ``images/<split>`` and ``clean/<split>``, a file ``annotations/instances_<split>.json`` for each."""

    def check(self, survey: Survey, classes: list[str]) -> None:
        """Accept everything: COCO says nothing of what an image file is."""

    def part_key(self, part: Part) -> str:
        """Name the part's marker."""
        return marker_key(part)

    def write_part(self, out: Prefix, part: Part, read: Read, *, threads: int) -> None:
        """Write the image files of a part."""

        def write_picture(picture: Picture) -> None:
            files = read(picture)
            out.write(f"images/{picture.split}/{picture.file_name}", files.image)
            if files.clean is not None:
                out.write(f"clean/{picture.split}/{picture.file_name}", files.clean)

        write_folder_part(out, part, write_picture, threads=threads)

    def finish(self, out: Prefix, export: Export) -> None:
        """Write a JSON file per split; file names count from the split's folder of images."""
        for split in export.splits:
            write_coco(
                _rows(export, split), export.classes, out.uri_of(f"annotations/instances_{split}.json")
            )


def _rows(export: Export, split: str) -> Iterator[dict[str, Any]]:
    for picture in export.pictures():
        if picture.split == split:
            yield {**picture.row, "uri": picture.file_name}
