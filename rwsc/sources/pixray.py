"""Reader for PIXray: COCO files with boxes and masks, one per split."""

from rwsc.sources.coco import coco_reader
from rwsc.sources.coco_files import CocoFile, image_folders, json_files
from rwsc.sources.tree import SourceTree


def _files(tree: SourceTree) -> list[CocoFile]:
    return [
        CocoFile(
            key=key,
            dataset="PIXray",
            split=match["split"].lower(),
            image_folders=image_folders(tree, match["split"]),
        )
        for key, match in json_files(tree, "pixray_(?P<split>train|val|test)")
    ]


READER = coco_reader("pixray", _files)
