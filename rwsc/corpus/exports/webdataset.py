"""WebDataset: tar files in which the files of a sample stand side by side and share a name."""

import io
import json
import tarfile
from typing import Any, cast

from rwsc.corpus.containers import add_to_tar
from rwsc.corpus.exports.files import Files
from rwsc.corpus.exports.parts import Export, Part, Read
from rwsc.corpus.exports.pictures import Picture
from rwsc.corpus.exports.survey import Survey
from rwsc.sources.parallel import map_in_order
from rwsc.storage.files import open_write
from rwsc.storage.prefix import Prefix

CLASSES_KEY = "classes.json"

_BLOCK_BYTES = 1 << 20


class WebDatasetFormat:
    """Tars ``<split>-000000.tar`` of ``<id>.png``, ``<id>.json`` and, with clean twins, ``<id>.clean.png``."""

    def check(self, survey: Survey, classes: list[str]) -> None:
        """Accept everything: a sample is made of files, whatever they hold."""

    def part_key(self, part: Part) -> str:
        """Name the tar, which appears when it is whole."""
        return f"{part.name}.tar"

    def write_part(self, out: Prefix, part: Part, read: Read, *, threads: int) -> None:
        """Write one tar; equal samples give equal bytes."""

        def read_one(picture: Picture) -> tuple[Picture, Files]:
            return picture, read(picture)

        with (
            open_write(out.uri_of(self.part_key(part))) as file,
            # As a stream, since parts that went to S3 cannot be gone back to.
            tarfile.open(
                fileobj=cast(io.BytesIO, file), mode="w|", format=tarfile.USTAR_FORMAT, bufsize=_BLOCK_BYTES
            ) as tar,
        ):
            for picture, files in map_in_order(read_one, part.pictures, max_workers=threads):
                add_to_tar(tar, picture.file_name, files.image)
                add_to_tar(tar, f"{picture.image_id}.json", _to_json(_describe(picture)))
                if files.clean is not None:
                    add_to_tar(tar, f"{picture.image_id}.clean{picture.suffix}", files.clean)

    def finish(self, out: Prefix, export: Export) -> None:
        """Write the class names in the order of their numbers."""
        out.write(CLASSES_KEY, _to_json(export.classes))


def _describe(picture: Picture) -> dict[str, Any]:
    height, width = picture.size_hw
    row = picture.row
    return {
        "image_id": picture.image_id,
        "width": width,
        "height": height,
        "synthetic": True,
        "licence": row["licence"],
        "dataset": row["dataset"],
        "role": row["role"],
        "objects": [
            {
                "label": thing.label,
                "class_id": thing.class_id,
                "bbox_xywh": thing.bbox_xywh,
                "mask_rle": None
                if thing.mask_rle is None
                else {"size": [height, width], "counts": thing.mask_rle},
                "area": thing.area,
                "synthetic": thing.synthetic,
                "item_id": thing.item_id,
                "occluded_fraction": thing.occluded_fraction,
            }
            for thing in picture.things
        ],
    }


def _to_json(value: object) -> bytes:
    return (json.dumps(value) + "\n").encode()
