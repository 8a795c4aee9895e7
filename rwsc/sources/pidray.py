"""Reader for PIDray: one COCO file per split, whose image ids begin anew in each, and no clean bags."""

import re

from rwsc.sources.coco import coco_reader
from rwsc.sources.coco_files import CocoFile, image_folders, json_files
from rwsc.sources.tree import SourceTree

_NAMES = r"(xray_)?(?P<part>train|val|test_(?P<subset>easy|hard|hidden))"


def _files(tree: SourceTree) -> list[CocoFile]:
    return [_file(tree, key, match) for key, match in json_files(tree, _NAMES)]


def _file(tree: SourceTree, key: str, match: re.Match[str]) -> CocoFile:
    part, subset = match["part"].lower(), (match["subset"] or "").lower() or None
    return CocoFile(
        key=key,
        dataset="PIDray",
        split="test" if subset else part,
        subset=subset,
        image_folders=image_folders(tree, subset or part, part),
        has_clean_bags=False,
    )


def _is_meant(tree: SourceTree, files: list[CocoFile]) -> bool:
    # A plain train.json says nothing.
    return any(file.subset or "xray_" in file.key.lower() for file in files)


READER = coco_reader("pidray", _files, _is_meant)
