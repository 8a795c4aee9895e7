"""YOLO: images and text files of the same names in parallel folders, and a YAML file that names the classes."""

import yaml

from rwsc.corpus.exports.parts import Export, Part, Read, marker_key, write_folder_part
from rwsc.corpus.exports.pictures import Picture, Thing
from rwsc.corpus.exports.polygons import one_polygon
from rwsc.corpus.exports.survey import Survey
from rwsc.storage.prefix import Prefix

YAML_KEYS = ("data.yaml", "dataset.yaml")
"""Both names are in use; the files are equal."""

_INTO_PIXEL = 0.25
"""Corners of masks lie this far into their pixel: ultralytics cuts decimals off and supervision rounds, and both
come back to the pixel."""


class YoloFormat:
    """Images in ``images/<split>``, lines in ``labels/<split>``; an image without objects has an empty text file."""

    def __init__(self, *, polygons: bool) -> None:
        """Choose what lines hold.

        Args:
            polygons: Outlines of masks instead of boxes. An object without a mask has its box as a polygon, since
                trainers take no file that mixes both.
        """
        self._polygons = polygons

    def check(self, survey: Survey, classes: list[str]) -> None:
        """Refuse arrays: ultralytics takes an .npy file for its own cache of the picture beside it."""
        survey.refuse_arrays("YOLO")

    def part_key(self, part: Part) -> str:
        """Name the part's marker."""
        return marker_key(part)

    def write_part(self, out: Prefix, part: Part, read: Read, *, threads: int) -> None:
        """Write image and text files of a part; clean twins where trainers do not look for images."""

        def write_picture(picture: Picture) -> None:
            files = read(picture)
            out.write(f"images/{picture.split}/{picture.file_name}", files.image)
            out.write(f"labels/{picture.split}/{picture.image_id}.txt", self.lines(picture).encode())
            if files.clean is not None:
                out.write(f"clean/{picture.split}/{picture.file_name}", files.clean)

        write_folder_part(out, part, write_picture, threads=threads)

    def finish(self, out: Prefix, export: Export) -> None:
        """Write the YAML files, without ``path``: folders count from the file's own."""
        places = {split: f"images/{split}" for split in export.splits}
        described = {
            # Trainers refuse a file without either; whoever has not split the corpus puts the other one in.
            **dict.fromkeys(("train", "val"), places[export.splits[0]]),
            **places,
            "nc": len(export.classes),
            "names": dict(enumerate(export.classes)),
            "synthetic": True,
            "licences": sorted(export.survey.num_by_licence),
        }
        text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True)
        for key in YAML_KEYS:
            out.write(key, text.encode())

    def lines(self, picture: Picture) -> str:
        """Give the text of one image, a line per object.

        Args:
            picture: The image.

        Returns:
            ``class cx cy w h`` or ``class x y x y ...`` as shares of the image.
        """
        height, width = picture.size_hw
        numbers = [
            _outline(thing, height, width) if self._polygons else _centre_and_size(thing, height, width)
            for thing in picture.things
        ]
        return "".join(
            f"{thing.class_id} {' '.join(f'{number:.6f}' for number in row)}\n"
            for thing, row in zip(picture.things, numbers, strict=True)
        )


def _corners(thing: Thing, height: int, width: int) -> tuple[float, float, float, float]:
    x, y, w, h = thing.bbox_xywh
    return max(0.0, x), max(0.0, y), min(float(width), x + w), min(float(height), y + h)


def _centre_and_size(thing: Thing, height: int, width: int) -> list[float]:
    left, top, right, bottom = _corners(thing, height, width)
    return [
        (left + right) / 2 / width,
        (top + bottom) / 2 / height,
        (right - left) / width,
        (bottom - top) / height,
    ]


def _outline(thing: Thing, height: int, width: int) -> list[float]:
    if (mask_HW := thing.mask_HW((height, width))) is not None:
        corners_N2 = one_polygon(mask_HW) + _INTO_PIXEL
        return [float(share) for share in (corners_N2 / (width, height)).ravel()]
    left, top, right, bottom = _corners(thing, height, width)
    box = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return [share for x, y in box for share in (x / width, y / height)]
