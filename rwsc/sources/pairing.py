"""Find the annotation file of each image by its stem, in layouts of one file per image."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rwsc.errors import AccessDenied, ObjectMissing
from rwsc.sources.schema import Sidecar, SourceScan
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, join, stem_of

NO_IMAGE = "annotation without an image"
NO_ANNOTATIONS = "image in a folder without annotations"
LISTED_MISSING = "listed image missing"
"""What readers count, in the words they share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Convention:
    """How a layout names its files and folders; all in lower case."""

    suffixes: tuple[str, ...]
    annotation_folders: tuple[str, ...]
    image_folders: tuple[str, ...]
    ignored: frozenset[str] = frozenset()
    """Files of such an ending that annotate no image."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its annotation."""

    image: str
    annotation: str | None
    problem: str | None = None


class Stems:
    """Finds the file of a stem in a folder, in the tree's own listing: it holds nothing per file."""

    def __init__(self, tree: SourceTree, folder: str, suffixes: tuple[str, ...]) -> None:
        self._tree = tree
        self._folder = folder
        names = tree.files(folder, suffixes)
        # Mostly one, but the case varies.
        self._endings = sorted({name[len(stem_of(name)) :] for name in names})

    def find(self, stem: str) -> str | None:
        """Give the key of the file of this stem, or None."""
        keys = (join(self._folder, stem + ending) for ending in self._endings)
        return next((key for key in keys if self._tree.has(key)), None)


class Pairing:
    """The images and annotations of a tree, brought together.

    Annotations lie beside the images, or in a folder of their own (``Annotations``, ``labels``) beside that
    of the images (``JPEGImages``, ``images``), below which both may have the same folders again. Only folders
    where at least one image has an annotation are taken: in any other one a missing annotation says nothing.
    """

    def __init__(self, tree: SourceTree, convention: Convention) -> None:
        self._tree = tree
        self._convention = convention
        self._annotations: dict[str, Stems] = {}
        self._images: dict[str, Stems] = {}
        self._near: dict[str, list[str]] = {}
        self._far: dict[str, list[str]] = {}
        self._served: dict[str, list[str]] = {}
        # In the order of their keys, so that all folders below one are found without a look at the others.
        self._with_images = sorted(folder for folder in folders_below(tree) if tree.images(folder))
        for folder in folders_below(tree):
            if self._names(folder):
                self._place(folder)

    @property
    def annotation_folders(self) -> list[str]:
        """Folders of annotations that belong to some image, sorted."""
        return sorted({folder for homes in self._homes().values() for folder in homes})

    def annotations(self, count: int) -> list[str]:
        """Give the first few annotations that have an image."""
        return [pair.annotation for pair in islice(self._pairs(), count) if pair.annotation]

    def spread_annotations(self, count: int) -> list[str]:
        """Give a few annotations that have an image, in even steps over all of them."""
        num_pairs = sum(1 for _ in self._pairs())
        step = -(-num_pairs // count) or 1
        return [pair.annotation for pair in islice(self._pairs(), 0, None, step) if pair.annotation]

    def pairs(self, dropped: Counter[str]) -> Iterator[Pair]:
        """Give every image, those with an annotation first.

        Of two images with the same bytes the first is kept, and it must not be one that hides an annotation.

        Args:
            dropped: Counts, filled in when the last image was given.

        Yields:
            The images, by folder and name.
        """
        yield from self._pairs()
        for folder in self._homes():
            for image in self._tree.images(folder):
                pair = self._pair(folder, image)
                if pair.annotation is None:
                    yield pair
        self._count_strays(dropped)

    def _pairs(self) -> Iterator[Pair]:
        for folder in self._homes():
            for image in self._tree.images(folder):
                pair = self._pair(folder, image)
                if pair.annotation is not None:
                    yield pair

    def _pair(self, folder: str, name: str) -> Pair:
        image, stem = join(folder, name), stem_of(name)
        for home in self._near.get(folder, []):
            found = self._annotations[home].find(stem)
            if found is not None:
                return Pair(image, found)
        hits = [home for home in self._far.get(folder, []) if self._annotations[home].find(stem)]
        if not hits:
            return Pair(image, None)
        namesakes = [place for place in self._served[hits[0]] if self._images[place].find(stem)]
        if len(hits) > 1 or len(namesakes) > 1:
            return Pair(image, None, f"{image!a}: several annotations or several images have this name")
        return Pair(image, self._annotations[hits[0]].find(stem))

    def _homes(self) -> dict[str, list[str]]:
        folders = sorted({*self._near, *self._far})
        return {folder: self._near.get(folder, []) + self._far.get(folder, []) for folder in folders}

    def _names(self, folder: str) -> list[str]:
        names = self._tree.files(folder, self._convention.suffixes)
        return [name for name in names if name.lower() not in self._convention.ignored]

    def _place(self, folder: str) -> None:
        """Find the images that a folder's annotations belong to."""
        near, far = self._image_folders(folder)
        self._annotations[folder] = Stems(self._tree, folder, self._convention.suffixes)
        self._served[folder] = []
        for places, homes in ((near, self._near), (far, self._far)):
            for place in places:
                images = self._images.setdefault(place, Stems(self._tree, place, IMAGE_SUFFIXES))
                if any(images.find(stem_of(name)) for name in self._names(folder)):
                    homes.setdefault(place, []).append(folder)
                    self._served[folder].append(place)

    def _image_folders(self, folder: str) -> tuple[list[str], list[str]]:
        """Give the folders where a folder's images must lie by the convention, and those where they may lie."""
        beside = [folder] if self._has_images(folder) else []
        segments = folder.split("/")
        for place in reversed(range(len(segments))):
            if segments[place].lower() not in self._convention.annotation_folders:
                continue
            parent = "/".join(segments[:place])
            root = self._tree.find_folder(*self._convention.image_folders, under=parent)
            if root is None:
                return beside, [parent] if self._has_images(parent) else []
            mirrored: str | None = root
            for segment in segments[place + 1 :]:
                mirrored = None if mirrored is None else self._tree.find_folder(segment, under=mirrored)
            top = mirrored or root
            below = [top] * self._has_images(top) + self._below(top)
            near = [key for key in below if key == mirrored]
            return beside + near, [key for key in below if key != mirrored]
        return beside, []

    def _has_images(self, folder: str) -> bool:
        place = bisect_left(self._with_images, folder)
        return self._with_images[place : place + 1] == [folder]

    def _below(self, folder: str) -> list[str]:
        """Give the folders of images inside a folder, at any depth."""
        # "0" is the character after "/".
        first, end = (bisect_left(self._with_images, folder + mark) for mark in "/0")
        return self._with_images[first:end]

    def _count_strays(self, dropped: Counter[str]) -> None:
        homes = self._homes()
        for folder, places in self._served.items():
            images = [self._images[place] for place in places]
            for name in self._names(folder):
                if not any(stems.find(stem_of(name)) for stems in images):
                    dropped[NO_IMAGE] += 1
        for folder in self._with_images:
            if folder not in homes:
                dropped[NO_ANNOTATIONS] += len(self._tree.images(folder))


def annotated_first(
    tree: SourceTree, images: str, annotations: str | None, suffixes: tuple[str, ...]
) -> Iterator[tuple[str, str | None]]:
    """Give the images of one folder with the annotations of another, those that have one first.

    Args:
        tree: Where both lie.
        images: Folder of the images.
        annotations: Folder of the annotations; None where there is none.
        suffixes: Endings of the annotations, in lower case.

    Yields:
        Key of the image, and of its annotation or None.
    """
    stems = None if annotations is None else Stems(tree, annotations, suffixes)
    for wants_annotated in (True, False):
        for name in tree.images(images):
            found = None if stems is None else stems.find(stem_of(name))
            if (found is not None) == wants_annotated:
                yield join(images, name), found


def count_strays(
    tree: SourceTree, images: str | None, annotations: str, suffixes: tuple[str, ...], dropped: Counter[str]
) -> None:
    """Count the annotations of one folder that belong to no image of another.

    Args:
        tree: Where both lie.
        images: Folder of the images; None where there is none, so that all annotations are strays.
        annotations: Folder of the annotations.
        suffixes: Endings of the annotations, in lower case.
        dropped: Counts, filled in.
    """
    owners = None if images is None else Stems(tree, images, IMAGE_SUFFIXES)
    for name in tree.files(annotations, suffixes):
        if owners is None or owners.find(stem_of(name)) is None:
            dropped[NO_IMAGE] += 1


def folders_below(tree: SourceTree, under: str = "") -> Iterator[str]:
    """Give a folder and all folders below it, each before its own, sorted."""
    waiting = [under]
    while waiting:
        folder = waiting.pop()
        yield folder
        waiting.extend(join(folder, name) for name in reversed(tree.folders(folder)))


def read_first(tree: SourceTree, keys: list[str]) -> Iterator[bytes]:
    """Read a few files to recognise a layout by; those that cannot be read are passed over."""
    for key in keys:
        try:
            yield tree.read(key)
        except (AccessDenied, ObjectMissing):
            continue


def listed_scan(
    tree: SourceTree,
    image: str,
    *,
    annotation: str | None = None,
    form: str = "",
    options: dict[str, str] | None = None,
    **stated: Any,  # noqa: ANN401 - fields of SourceScan, checked by it
) -> SourceScan:
    """Make the record of an image and its annotation file.

    Args:
        tree: Where both lie.
        image: Key of the image.
        annotation: Key of its annotation file, or None.
        form: Form of the annotation file.
        options: What the parser must know.
        **stated: Further fields of the record.

    Returns:
        The record; with a problem where a name cannot be an address.
    """
    if stated.get("problem"):
        return SourceScan(uri=None, **stated)
    uri = tree.uri_of(image)
    sidecar_uri = None if annotation is None else tree.uri_of(annotation)
    if uri is None or (annotation is not None and sidecar_uri is None):
        name = image if uri is None else annotation
        return SourceScan(**stated | {"uri": None, "problem": f"the name {name!a} cannot be an address"})
    if sidecar_uri is None:
        return SourceScan(uri=uri, **stated)
    return SourceScan(uri=uri, sidecar=Sidecar(form=form, uri=sidecar_uri, options=options or {}), **stated)
