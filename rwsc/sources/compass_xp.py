"""Reader for COMPASS-XP: one item per scan, listed in ``meta.txt``, each scan rendered several ways."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rwsc.errors import SourceError
from rwsc.sources.json_fields import shown
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceObject, SourceScan
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, stem_of

_META = "meta.txt"
_MAX_META_BYTES = 64 * 2**20
_COLUMNS = ("basename", "class", "dangerous", "instance", "pose")
_COLOUR_FOLDERS = ("Colour", "Color")
_NO = ("false", "0", "no")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of ``meta.txt``."""

    label: str
    instance: str
    is_harmless: bool


def _recognise(tree: SourceTree) -> str | None:
    key = tree.find_file(_META)
    if key is None:
        return None
    words = tree.head(key, num_bytes=1000).split(b"\n")[0].decode("utf-8-sig", "replace").lower().split()
    is_meta = words[:2] == list(_COLUMNS[:2]) or (words and tree.find_folder(*_COLOUR_FOLDERS) is not None)
    return key if is_meta else None


def _list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    folders = _folders(tree)
    if not folders:
        raise SourceError(
            f"no folder of images in {tree.root.uri}", remedy="give the folder that holds meta.txt and Colour"
        )
    return _scans(tree, folders, dropped)


def _scans(tree: SourceTree, folders: list[str], dropped: Counter[str]) -> Iterator[SourceScan]:
    key = tree.find_file(_META)
    entries: dict[str, _Entry | str] = {}
    try:
        entries = _read_meta(tree.head(key, num_bytes=_MAX_META_BYTES + 1) if key else b"", dropped)
    except SourceError as error:
        yield SourceScan(
            uri=tree.uri_of(key or _META), kind="isolated", problem=error.message, dataset="COMPASS-XP"
        )
    seen: set[str] = set()
    low, high = (tree.find_folder(name) for name in ("Low", "High"))
    for folder in folders:
        for name, image in tree.by_stem(folder, IMAGE_SUFFIXES).items():
            is_pair = None not in (low, high) and all(
                tree.has(f"{half}/{image.rpartition('/')[2]}") for half in (low, high)
            )
            if is_pair and folder == high:
                continue  # it is joined to the low energy, which is listed
            # The scans of one item are alike, so every rendering but the first repeats it; the two energies together
            # are no rendering but what all others were made of.
            if name in seen and not (is_pair and folder == low):
                dropped["another rendering of a listed scan"] += 1
                continue
            seen.add(name)
            yield _scan(
                tree, image, entries.get(name), is_colour=folder.lower().startswith(("colour", "color"))
            )
    if num_lost := len(entries.keys() - seen):
        dropped["annotation without an image"] += num_lost


def _folders(tree: SourceTree) -> list[str]:
    """Give the folders of images, the colour one first."""
    colour = tree.find_folder(*_COLOUR_FOLDERS)
    return [folder for folder in dict.fromkeys([colour or "", *tree.folders()]) if tree.images(folder)]


def _scan(tree: SourceTree, image: str, entry: _Entry | str | None, *, is_colour: bool) -> SourceScan:
    uri = tree.uri_of(image)
    problem = entry if isinstance(entry, str) else None
    objects: tuple[SourceObject, ...] = ()
    group = None
    if isinstance(entry, _Entry):
        objects = (SourceObject(label=entry.label, flags=("harmless",) if entry.is_harmless else ()),)
        # Instances are counted anew in every class.
        group = f"{entry.label}/{entry.instance}" if entry.instance else None
    return SourceScan(
        uri=uri,
        problem=problem if uri else "its name cannot be an address",
        kind="isolated",
        dataset="COMPASS-XP",
        modality="colour" if is_colour else None,
        group=group,
        objects=objects,
        flags=() if entry is not None else ("no_annotation",),
    )


def _read_meta(data: bytes, dropped: Counter[str]) -> dict[str, _Entry | str]:
    """Read the list of scans.

    Gives, by the stem of the image, what it shows, or what is wrong with its line.
    """
    if len(data) > _MAX_META_BYTES:
        raise SourceError(f"{_META} has more than {_MAX_META_BYTES} bytes")
    if b"\0" in data or not data.strip():
        raise SourceError(f"{_META} is missing, empty or no text")
    lines = data.decode("utf-8-sig", "surrogateescape").splitlines()
    names = [name.strip().lower() for name in lines[0].split("\t")]
    has_header = "basename" in names and "class" in names
    columns = {name: place for place, name in enumerate(names if has_header else _COLUMNS)}
    entries: dict[str, _Entry | str] = {}
    for line in lines[has_header:]:
        if line.strip():
            _add_line(entries, line, columns, dropped)
    if not any(isinstance(entry, _Entry) for entry in entries.values()):
        raise SourceError(f"{_META} holds no line of {', '.join(_COLUMNS)}, with tabs between them")
    return entries


def _add_line(
    entries: dict[str, _Entry | str], line: str, columns: dict[str, int], dropped: Counter[str]
) -> None:
    cells = [cell.strip() for cell in line.split("\t")]
    found = {name: cells[place] for name, place in columns.items() if place < len(cells)}
    name = stem_of(found.get("basename", "")) if _is_image_name(found) else found.get("basename", "")
    if not name.isprintable() or not name:
        dropped[f"damaged line of {_META}"] += 1
        return
    label = found.get("class", "")
    entry: _Entry | str
    if label and label.isprintable():
        instance = found.get("instance", "")
        entry = _Entry(
            label,
            instance if instance.isprintable() else "",
            found.get("dangerous", "").lower() in _NO,
        )
    else:
        entry = f"damaged line of {_META}: {shown(line)}"
    if entries.setdefault(name, entry) != entry:
        entries[name] = f"{_META} lists it twice, as different items"


def _is_image_name(found: dict[str, str]) -> bool:
    return found.get("basename", "").lower().endswith(IMAGE_SUFFIXES)


READER = Reader(layout="compass_xp", recognise=_recognise, list_scans=_list_scans)
