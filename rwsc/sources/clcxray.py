"""Reader for CLCXray: COCO files with COCO's own names, told from others by their classes."""

import re

from rwsc.sources.coco import coco_reader
from rwsc.sources.coco_files import CocoFile, image_folders, json_files
from rwsc.sources.tree import SourceTree

_CLASSES = frozenset(
    {"blade", "dagger", "knife", "scissors", "swissarmyknife", "cans", "cartondrinks", "glassbottle", "tin"}
    | {"plasticbottle", "vacuumcup", "spraycans"}
)
"""Its twelve classes in lower case without anything but letters: how the files spell them varies."""

_NUM_CLASSES_ALIKE = 8
_NAME = re.compile(rb'"name"\s*:\s*"([^"\\]{1,60})"')


def _files(tree: SourceTree) -> list[CocoFile]:
    return [
        CocoFile(
            key=key,
            dataset="CLCXray",
            split=match["split"].lower(),
            image_folders=image_folders(tree, f"{match['split']}2017", match["split"]),
        )
        for key, match in json_files(tree, "instances_(?P<split>train|val|test)(2017)?")
    ]


def _is_meant(tree: SourceTree, files: list[CocoFile]) -> bool:
    return "clcxray" in tree.root.uri.rsplit("/", 1)[-1].lower() or any(
        len(_classes_near_the_ends(tree, file.key) & _CLASSES) >= _NUM_CLASSES_ALIKE for file in files[:1]
    )


def _classes_near_the_ends(tree: SourceTree, key: str) -> set[str]:
    # The categories are written first or last; what lies between may be hundreds of megabytes.
    ends = tree.head(key) + tree.head(key, from_end=True)
    return {re.sub("[^a-z]", "", name.decode("latin-1").lower()) for name in _NAME.findall(ends)}


READER = coco_reader("clcxray", _files, _is_meant)
