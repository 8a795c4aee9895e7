"""Trees of made-up archives: files by key, written to a store and listed as readers see them."""

import json
from collections import Counter

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.sidecars import parse_sidecar
from rwsc.sources.tree import SourceTree, list_tree
from rwsc.storage.prefix import Prefix, read_uri

JUNK = {
    "empty": b"",
    "binary": bytes(range(256)) * 4,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "truncated xml": b"<annotation><object><name>gun</name><bndbox><xmin>1</xmi",
    "other xml": b"<html><object><name>gun</name></object></html>",
    "entity bomb": (
        b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + k, b"&%c;" % (97 + k) * 10) for k in range(9))
        + b"]><annotation><object><name>&j;</name></object></annotation>"
    ),
    "external entity": (
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        b"<annotation><object><name>&x;</name></object></annotation>"
    ),
    "deep xml": b"<annotation>" + b"<a>" * 100_000,
    "deep json": b'{"shapes": ' + b"[" * 100_000,
    "nan": b'{"shapes": [{"label": "gun", "points": [[NaN, 1], [2, 3]]}], "objects": NaN}',
    "many digits": b'{"shapes": ' + b"9" * 10_000 + b"}",
    "json list": b"[1, 2]",
    "null": b"null",
    "too large": b"0 0.5 0.5 0.1 0.1\n" * 1_000_000,
    "wrong words": b"one two three\n",
    "huge numbers": b"x gun 1e308 1e308 1e309 nan",
}
"""Files that hold no annotation in any form, each for a reason of its own."""


def grow(uri: str, files: dict[str, bytes | str]) -> SourceTree:
    """Write files and list them."""
    root = Prefix(uri)
    for key, content in files.items():
        root.write(key, content.encode() if isinstance(content, str) else content)
    return list_tree(root)


def scans_of(reader: Reader, tree: SourceTree) -> tuple[dict[str, SourceScan], Counter[str]]:
    """Give the scans of a tree by their keys, in order, and what was counted; those with a problem by that."""
    dropped: Counter[str] = Counter()
    scans = list(reader.list_scans(tree, dropped))
    by_key = {
        scan.uri.removeprefix(f"{tree.root.uri}/") if scan.uri else scan.problem: scan for scan in scans
    }
    assert len(by_key) == len(scans), "an image was listed twice"
    return by_key, dropped


def objects_of(scan: SourceScan, image_size_wh: tuple[int, int] = (100, 50)) -> list[tuple]:
    """Read and parse a scan's annotation file; give (label, box, flags) of its objects."""
    assert scan.sidecar is not None
    found = parse_sidecar(scan.sidecar, read_uri(scan.sidecar.uri), image_size_wh)
    return [(thing.label, thing.bbox_xywh, thing.flags) for thing in found.objects]


def is_damaged(scan: SourceScan) -> bool:
    """Say whether a scan's annotation file is there and refused, in one line and without any other error."""
    try:
        objects_of(scan)
    except DamagedAnnotation as error:
        return "\n" not in str(error)
    return False


def voc(*objects: tuple, filename: str = "elsewhere.jpg", extra: str = "") -> str:
    """A VOC file of (name, xmin, ymin, xmax, ymax)."""
    boxes = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, x0, y0, x1, y1 in objects
    )
    return f"<annotation><filename>{filename}</filename>{extra}{boxes}</annotation>"


def labelme(*shapes: dict, **fields) -> str:
    """A LabelMe file."""
    document = {"version": "5", "imagePath": "../../etc/passwd", "imageData": None, "shapes": list(shapes)}
    return json.dumps(document | fields)
