"""The scans that a COCO document lists, each with its place in the source."""

from rwsc.errors import SourceError
from rwsc.sources.coco_document import CocoDocument, id_of
from rwsc.sources.coco_files import CocoFile
from rwsc.sources.coco_places import ImageRoot, Names
from rwsc.sources.json_fields import Fields, Json, kind_of, one_line, shown
from rwsc.sources.schema import KINDS, Kind, SourceScan


def list_document(document: CocoDocument, tree: Names, file: CocoFile, root: ImageRoot) -> list[SourceScan]:
    """Join the images of a document with their annotations.

    Args:
        document: The document.
        tree: The source.
        file: The file it comes from.
        root: Where its image names count from.

    Returns:
        A scan per image, in the document's order; one whose record is damaged has a `problem`.
    """
    scans = _Scans(document, tree, file, root)
    return [scans.scan(record, number) for number, record in enumerate(document.images)]


class _Scans:
    """Makes the scans of one document."""

    def __init__(self, document: CocoDocument, tree: Names, file: CocoFile, root: ImageRoot) -> None:
        self._document = document
        self._tree = tree
        self._file = file
        self._root = root

    def scan(self, record: Json, number: int) -> SourceScan:
        uri = None
        try:
            if not isinstance(record, dict):
                raise SourceError(f"images[{number}] is {kind_of(record)}, not an object")
            image = self._document.fields(record, "images", number)
            name = image.required_text("file_name")
            uri = self._address(name)
            if uri is None:
                raise SourceError(f"file name points out of the folder or cannot be stored: {shown(name)}")
            return self._sound_scan(image, number, uri)
        except SourceError as error:
            return SourceScan(
                uri=uri,
                kind="threat",
                problem=one_line(error),
                dataset=self._file.dataset,
                split=self._file.split,
                subset=self._file.subset,
            )

    def _sound_scan(self, image: Fields, number: int, uri: str) -> SourceScan:
        image_id = id_of(image.raw("id"))
        if image_id is None:
            raise SourceError(
                f"images[{number}]: 'id' should be a number or text, not {shown(image.raw('id'))}"
            )
        if self._document.num_by_id[image_id] > 1:
            raise SourceError(f"images[{number}]: image id {shown(image.raw('id'))} is used twice")
        if image_id in self._document.damaged:
            raise SourceError(f"damaged annotation: {self._document.damaged[image_id]}")
        found = self._document.objects.get(image_id, [])
        objects = tuple(thing for thing in found if thing is not None)
        kind = self._kind(image, annotated=bool(found))
        licence, flags = self._licence(image)
        flags += ["unknown_category"] * (len(objects) < len(found))
        flags += ["benign_with_objects"] * (kind == "benign" and bool(found))
        flags += ["no_annotation"] * (not found and not self._file.has_clean_bags)
        return SourceScan(
            uri=uri,
            kind=kind,
            dataset=image.text("origin_dataset") or self._file.dataset,
            licence=licence,
            modality=image.text("modality"),
            scanner_id=image.text("scanner_id"),
            split=image.text("split") or self._file.split,
            subset=image.text("subset") or self._file.subset,
            group=image.text("group"),
            view=image.text("view"),
            stated_size_wh=(image.number("width"), image.number("height")),
            objects=objects,
            flags=tuple(flags),
        )

    def _address(self, name: str) -> str | None:
        key = self._root.key_of(name)
        return None if key is None else self._tree.uri_of(key)

    def _kind(self, image: Fields, *, annotated: bool) -> Kind:
        stated = image.text("kind")
        if stated is None:
            return "threat" if annotated or not self._file.has_clean_bags else "benign"
        if stated not in KINDS:
            raise SourceError(f"an image's kind is {shown(stated)}, not one of {', '.join(KINDS)}")
        return stated

    def _licence(self, image: Fields) -> tuple[str | None, list[str]]:
        stated = image.raw("license")
        if stated is None:
            return None, []
        key = id_of(stated)
        if key in self._document.licences:
            return self._document.licences[key], []
        return (key if isinstance(stated, str) else None), ["unknown_licence"]
