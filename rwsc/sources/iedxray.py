"""Reader for IEDXray: COCO files beside the folders ``Train`` and ``Test``."""

from rwsc.sources.coco import coco_reader
from rwsc.sources.coco_files import CocoFile, image_folders, json_files
from rwsc.sources.tree import SourceTree


def _files(tree: SourceTree) -> list[CocoFile]:
    return [
        CocoFile(
            key=key,
            dataset="IEDXray",
            split=match["split"].lower(),
            image_folders=image_folders(tree, match["split"]),
        )
        for key, match in json_files(tree, "complete_(?P<split>train|val|test)")
    ]


def _is_meant(tree: SourceTree, files: list[CocoFile]) -> bool:
    # Others call a file complete_train.json too; here every file has a folder of its own.
    return "iedxray" in tree.root.uri.lower() or all(file.image_folders for file in files)


READER = coco_reader("iedxray", _files, _is_meant)
