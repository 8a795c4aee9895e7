import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.errors import AccessDenied, ObjectMissing, StorageError
from rwsc.sources.examine import Defaults, examine, fit_box, modality_of, tight_box
from rwsc.sources.masks import decode_rle
from rwsc.sources.schema import Sidecar, SourceObject, SourceScan
from rwsc.sources.taxonomy import load_taxonomy
from rwsc.storage.energy_pairs import pair_uri
from rwsc.storage.images import ImageLimits
from rwsc.storage.prefix import Prefix, read_uri

DEFAULTS = Defaults()


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("s3://bucket/a.png", AccessDenied("cannot read: access is denied (403)")),
        ("s3://bucket/a.png", ObjectMissing("nothing there")),
        ("/scans/a.png", StorageError("cannot read: a folder stands where a file is expected")),
    ],
)
def test_a_scan_that_cannot_be_read_costs_its_row(monkeypatch, uri, error):
    monkeypatch.setattr("rwsc.sources.examine.read_uri", raising(error))
    assert examine(SourceScan(uri=uri), DEFAULTS).status == "failed"


def test_a_bucket_that_is_down_ends_the_run_and_writes_no_scan_off(monkeypatch):
    monkeypatch.setattr(
        "rwsc.sources.examine.read_uri", raising(StorageError("the endpoint cannot be reached"))
    )
    with pytest.raises(StorageError, match="cannot be reached"):
        examine(SourceScan(uri="s3://bucket/a.png"), DEFAULTS)


def test_a_bucket_that_is_down_writes_no_mask_off(monkeypatch, tmp_path, pixels, as_png):
    path = tmp_path / "scan.png"
    path.write_bytes(as_png(pixels(1)))
    read = read_uri

    def fails_for_masks(uri, **limit):
        if uri == "s3://bucket/mask.png":
            raise StorageError("the endpoint cannot be reached")
        return read(uri, **limit)

    monkeypatch.setattr("rwsc.sources.examine.read_uri", fails_for_masks)
    thing = SourceObject(label="gun", bbox_xywh=(10, 10, 20, 20), mask_uri="s3://bucket/mask.png")
    with pytest.raises(StorageError, match="cannot be reached"):
        examine(SourceScan(uri=str(path), objects=(thing,)), DEFAULTS)


def raising(error):
    def read_uri(uri, **limit):
        raise error

    return read_uri


NUMBERS = st.floats(-1e4, 1e4) | st.integers(-50, 150).map(float)


@pytest.mark.parametrize(
    ("bbox", "fitted", "flags"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4), []),
        ((0, 0, 60, 40), (0, 0, 60, 40), []),
        ((10, 20, -4, -5), (6, 15, 4, 5), ["swapped"]),
        ((-5, -5, 10, 10), (0, 0, 5, 5), ["clipped"]),
        ((55, 30, 10, 20), (55, 30, 5, 10), ["clipped"]),
        ((5, 5, -10, 3), (0, 5, 5, 3), ["swapped", "clipped"]),
        ((60, 10, 5, 5), (60, 10, 5, 5), ["outside"]),
        ((-9, 10, 5, 5), (-9, 10, 5, 5), ["outside"]),
        ((5, 5, 0, 7), (5, 5, 0, 7), ["empty", "outside"]),
    ],
)
def test_a_stated_box_is_brought_into_the_picture(bbox, fitted, flags):
    assert fit_box(bbox, width=60, height=40) == (fitted, flags)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_a_fitted_box_lies_in_the_picture_or_is_flagged_outside(x, y, w, h):
    (x0, y0, w0, h0), flags = fit_box((x, y, w, h), width=60, height=40)
    assert w0 >= 0
    assert h0 >= 0
    if "outside" not in flags:
        assert x0 >= 0 and y0 >= 0 and x0 + w0 <= 60 + 1e-9 and y0 + h0 <= 40 + 1e-9  # noqa: PT018 - one box
        assert fit_box((x0, y0, w0, h0), width=61, height=41)[1] in ([], ["empty", "outside"])


def test_a_tight_box_holds_the_mask_and_nothing_else():
    mask_HW = np.zeros((9, 12), bool)
    mask_HW[2, 3] = mask_HW[6, 10] = True
    assert tight_box(mask_HW) == (3, 2, 8, 5)


def test_colour_is_told_by_the_pixels_and_not_by_the_number_of_channels(pixels):
    gray_HW = pixels(0, gray=True)
    assert modality_of(gray_HW) == "gray"
    assert modality_of(np.repeat(gray_HW[..., None], 3, axis=2)) == "gray"
    assert modality_of(pixels(0)) == "colour"
    assert modality_of(pixels(0, dtype=np.uint16)) == "colour"


def test_compression_noise_does_not_make_a_gray_picture_colour():
    noise = np.random.default_rng(0).integers(-3, 4, (40, 40, 3))
    assert modality_of((200 + noise).astype(np.uint8)) == "gray"


XML = "<annotation><object><name>{}</name><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>25</xmax><ymax>26</ymax></bndbox></object></annotation>"


def stored(root, name, data):
    (root / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return str(root / name)


def with_sidecar(root, data, image, **fields):
    uri = str(root / "a.xml") if data is None else stored(root, "a.xml", data)
    return SourceScan(
        uri=stored(root, "a.png", image),
        sidecar=Sidecar(form="voc_xml", uri=uri),
        **{"dataset": "SIXray", **fields},
    )


def test_objects_of_an_annotation_file_make_a_threat(tmp_path, pixels, as_png):
    scan = examine(with_sidecar(tmp_path, XML.format("Gun"), as_png(pixels(0))), DEFAULTS)
    assert (scan.status, scan.kind) == ("ok", "threat")
    (thing,) = scan.objects
    assert (thing.label, thing.source_label) == ("gun", "Gun")
    assert thing.bbox_xywh[2:] == pytest.approx([20, 20], abs=1)


def test_an_annotation_file_without_objects_leaves_the_kind_that_the_layout_gives(tmp_path, pixels, as_png):
    image = as_png(pixels(0))
    assert examine(with_sidecar(tmp_path, "<annotation/>", image), DEFAULTS).kind == "benign"
    scan = examine(with_sidecar(tmp_path, "<annotation/>", image, kind="threat"), DEFAULTS)
    assert (scan.kind, scan.flags) == ("threat", ["no_annotation"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "annotation a.xml: no such file"),
        ("<annotation>", "annotation a.xml: "),
        (b"\x89PNG", "annotation a.xml: "),
    ],
)
def test_a_scan_whose_annotation_is_damaged_is_no_harmless_bag(tmp_path, pixels, as_png, data, reason):
    scan = examine(with_sidecar(tmp_path, data, as_png(pixels(0))), DEFAULTS)
    assert scan.status == "failed"
    assert scan.reason.startswith(reason)
    assert "\n" not in scan.reason
    assert scan.objects == []


def test_an_annotation_file_over_the_limit_is_damaged_and_not_read(tmp_path, pixels, as_png):
    listed = with_sidecar(tmp_path, XML.format("Gun"), as_png(pixels(0)))
    with (tmp_path / "a.xml").open("r+b") as file:
        file.truncate(2**25)
    scan = examine(listed, DEFAULTS)
    assert scan.status == "failed"
    assert "a.xml has 33,554,432 bytes, over the limit of 16,777,216 " in scan.reason


@pytest.mark.parametrize("part", ["scan", "half", "mask"])
def test_nothing_of_a_file_over_the_limit_is_read(store_uri, pixels, as_png, part):
    root, image = Prefix(store_uri), as_png(pixels(0, gray=True))
    for name in ("a_low.png", "a_high.png", "b.png"):
        root.write(name, image)
    root.write("large.png", image + bytes(40 * 2**20))
    low, high, one, large = (root.uri_of(name) for name in ("a_low.png", "a_high.png", "b.png", "large.png"))
    things = (SourceObject(label="gun", bbox_xywh=(5, 5, 9, 9), mask_uri=large if part == "mask" else one),)
    uri = {"scan": large, "half": pair_uri(low, large), "mask": one}[part]
    defaults = Defaults(limits=ImageLimits(max_bytes=2**20))
    examine(SourceScan(uri=pair_uri(low, high), objects=things), defaults)  # what is loaded once
    tracemalloc.start()
    scan = examine(SourceScan(uri=uri, kind="threat", objects=things), defaults)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20 * 2**20
    if part == "mask":
        assert (scan.status, scan.objects[0].flags) == ("ok", ["mask_unreadable"])
    else:
        assert scan.status == "failed"
        assert "large.png has 41,94" in scan.reason
        assert "over the limit of 1,048,576" in scan.reason


def test_a_problem_of_the_listing_is_the_reason_of_a_failed_row(tmp_path):
    scan = examine(SourceScan(uri=str(tmp_path), problem="id used twice"), DEFAULTS)
    assert (scan.status, scan.reason) == ("failed", "id used twice")


def test_a_bucket_that_is_down_while_an_annotation_is_read_ends_the_run(
    monkeypatch, tmp_path, pixels, as_png
):
    def read_uri(uri, **limit):
        if uri.startswith("s3://"):
            raise StorageError("the endpoint cannot be reached")
        return as_png(pixels(0))

    monkeypatch.setattr("rwsc.sources.examine.read_uri", read_uri)
    listed = SourceScan(uri="/a.png", sidecar=Sidecar(form="voc_xml", uri="s3://bucket/a.xml"))
    with pytest.raises(StorageError, match="cannot be reached"):
        examine(listed, DEFAULTS)


def test_labels_go_through_the_taxonomy_and_can_be_left_alone(tmp_path, pixels, as_png):
    objects = (SourceObject(label="Multi-tool_Knife", bbox_xywh=(5, 5, 9, 9)), SourceObject(label="Teapot"))
    listed = SourceScan(uri=stored(tmp_path, "a.png", as_png(pixels(0))), kind="threat", objects=objects)
    scan = examine(listed, DEFAULTS)
    assert [(thing.label, thing.source_label) for thing in scan.objects] == [
        ("knife", "Multi-tool_Knife"),
        ("Teapot", "Teapot"),
    ]
    scan = examine(listed, Defaults(taxonomy=load_taxonomy("none")))
    assert [thing.label for thing in scan.objects] == ["Multi-tool_Knife", "Teapot"]


def test_an_item_alone_without_a_box_is_looked_for_in_the_whole_picture(tmp_path, pixels, as_png):
    uri = stored(tmp_path, "a.png", as_png(pixels(0)))
    listed = SourceScan(uri=uri, kind="isolated", objects=(SourceObject(label="gun"),))
    (thing,) = examine(listed, DEFAULTS).objects
    assert (thing.bbox_xywh, thing.flags, thing.is_usable) == ([0, 0, 60, 40], ["no_box"], True)
    (thing,) = examine(replace(listed, kind="threat"), DEFAULTS).objects
    assert (thing.flags, thing.is_usable) == (["no_box", "outside"], False)


def cut_out(pixels, dtype=np.uint8):
    image = np.zeros((40, 60, 4), dtype)
    image[..., :3] = pixels(0, dtype=dtype)
    image[10:30, 15:45, 3] = np.iinfo(dtype).max
    image[image[..., 3] == 0] = 0
    return image


def as_rgba_png(image):
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA))[1].tobytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_alpha_of_a_cut_out_is_the_mask_of_its_only_object(tmp_path, pixels, dtype):
    uri = stored(tmp_path, "a.png", as_rgba_png(cut_out(pixels, dtype)))
    listed = SourceScan(uri=uri, kind="isolated", objects=(SourceObject(label="gun"),))
    scan = examine(listed, DEFAULTS)
    (thing,) = scan.objects
    assert (thing.bbox_xywh, thing.flags) == ([15, 10, 30, 20], ["alpha_mask", "no_box"])
    assert decode_rle(thing.mask_rle, height=40, width=60).sum() == 600
    assert min(scan.air_level) > 0.8 * np.iinfo(dtype).max
    (thing,) = examine(replace(listed, kind="threat"), DEFAULTS).objects
    assert thing.mask_rle is None
    two = replace(listed, objects=(SourceObject(label="gun"), SourceObject(label="knife")))
    assert [thing.mask_rle for thing in examine(two, DEFAULTS).objects] == [None, None]


def test_an_opaque_alpha_is_no_mask(tmp_path, pixels):
    image = cut_out(pixels)
    image[..., 3] = 255
    listed = SourceScan(
        uri=stored(tmp_path, "a.png", as_rgba_png(image)),
        kind="isolated",
        objects=(SourceObject(label="gun"),),
    )
    assert examine(listed, DEFAULTS).objects[0].mask_rle is None


def test_bags_are_found_but_not_where_an_item_lies_alone(tmp_path, as_png):
    image = np.full((120, 200, 3), 245, np.uint8)
    image[30:90, 10:80] = 120
    one = SourceScan(uri=stored(tmp_path, "one.png", as_png(image)))
    image[30:90, 110:190] = 120
    two = SourceScan(uri=stored(tmp_path, "two.png", as_png(image)))
    belt = SourceScan(uri=stored(tmp_path, "none.png", as_png(np.full((120, 200, 3), 245, np.uint8))))
    assert [
        (len(scan.bags), scan.flags) for scan in (examine(listed, DEFAULTS) for listed in (one, two, belt))
    ] == [
        (1, []),
        (2, ["several_bags"]),
        (0, ["no_bag"]),
    ]
    scan = examine(replace(belt, kind="isolated"), DEFAULTS)
    assert (scan.bags, scan.flags) == ([], [])


def test_the_view_and_the_group_of_a_bag_are_kept(tmp_path, pixels, as_png):
    listed = SourceScan(uri=stored(tmp_path, "a.png", as_png(pixels(0))), view="side", group="bag 7")
    scan = examine(listed, DEFAULTS)
    assert (scan.view, scan.group) == ("side", "bag 7")


def test_what_nobody_foresaw_fails_the_row_of_its_image_alone(monkeypatch, tmp_path, pixels, as_png):
    def find_bags(image, air_level):
        raise KeyError("what nobody\nforesaw")

    monkeypatch.setattr("rwsc.sources.examine.find_bags", find_bags)
    scan = examine(SourceScan(uri=stored(tmp_path, "a.png", as_png(pixels(0)))), DEFAULTS)
    assert (scan.status, scan.reason) == ("failed", "KeyError: 'what nobody\\nforesaw'")
    assert scan.sha256 is not None
    assert (scan.width, scan.bags, scan.objects) == (None, [], [])


def test_an_image_of_few_pixels_is_a_row(tmp_path, as_png):
    image = np.full((5, 7), 255, np.uint8)
    image[0:5, 0:2] = image[3:5, 0:7] = 80
    scan = examine(SourceScan(uri=stored(tmp_path, "a.png", as_png(image))), DEFAULTS)
    assert scan.status == "ok"


def test_bags_are_found_in_what_is_there_of_a_scan(tmp_path):
    image = np.zeros((200, 300, 4), np.uint8)
    image[50:150, 60:240] = (250, 250, 250, 255)
    image[70:130, 90:200, :3] = (200, 150, 90)
    scan = examine(SourceScan(uri=stored(tmp_path, "a.png", as_rgba_png(image))), DEFAULTS)
    (bag,) = scan.bags
    assert bag.bbox_xywh == pytest.approx([90, 70, 110, 60], abs=8)
