from collections import Counter

import pytest

from rwsc.sources.layout import recognise
from rwsc.sources.look import Look
from rwsc.sources.schema import SourceObject, SourceScan
from rwsc.sources.survey import Survey
from rwsc.sources.taxonomy import load_taxonomy
from rwsc.storage.images import ImageInfo


@pytest.fixture
def survey(tree, pixels):
    tree.image("a.png", pixels(0))
    return Survey(recognise(tree.write(), None), "mine", load_taxonomy())


def a_look(number=0, *, objects=(), size_wh=None, header=None, fault=None, is_absent=False, **fields):
    scan = SourceScan(uri=f"/{number}.png", objects=tuple(objects), **fields)
    return Look(scan=scan, number=number, size_wh=size_wh, header=header, fault=fault, is_absent=is_absent)


def a_header(width, channels):
    return ImageInfo(width=width, height=50, bit_depth=8, channels=channels, format="PNG")


def a_box(*bbox_xywh, label="Gun", **fields):
    return SourceObject(label=label, bbox_xywh=bbox_xywh or None, **fields)


def report_of(survey, *looks, dropped=(), header_stride=1):
    for look in looks:
        survey.add(look)
    return survey.finish(Counter(dropped), header_stride=header_stride)


def test_images_and_objects_are_counted_by_what_they_are(survey):
    report = report_of(
        survey,
        a_look(
            0, kind="threat", split="train", objects=[a_box(1, 1, 5, 5), a_box(1, 1, 5, 5, label="Teapot")]
        ),
        a_look(1, split="train"),
        a_look(2, objects=[a_box(1, 1, 5, 5)]),
    )
    assert (report.num_images, report.num_annotated, report.num_objects) == (3, 2, 3)
    assert report.by_kind == {"threat": 1, "benign": 2}
    assert report.by_split == {"train": 2, "none": 1}
    assert report.by_source_class == {"Gun": 2, "Teapot": 1}
    assert report.by_class == {"gun": 2, "Teapot": 1}
    assert report.unknown_classes == {"Teapot": 1}
    assert report.surprising["class names not in the taxonomy"] == 1


def test_boxes_are_held_against_the_size_where_it_is_known(survey):
    boxes = [a_box(0, 0, 30, 20), a_box(50, 30, 90, 90), a_box(500, 500, 5, 5), a_box()]
    report = report_of(survey, a_look(objects=boxes, size_wh=(60, 40)))
    assert report.num_measured_objects == 2
    assert report.object_px["width"][::4] == [10, 30]
    assert report.object_px["share"][-1] == pytest.approx(30 * 20 / 2400)
    assert {"clipped": 1, "outside": 1, "no_box": 1}.items() <= report.surprising.items()


def test_without_a_size_boxes_are_only_known_to_be_swapped_or_empty(survey):
    boxes = [a_box(5, 5, -3, 4), a_box(5, 5, 0, 4), a_box(900, 900, 5, 5, flags=("crowd",))]
    report = report_of(survey, a_look(objects=boxes))
    assert (report.num_measured_objects, report.object_px["width"]) == (0, [])
    assert report.by_flag == {"swapped": 1, "empty": 1, "crowd": 1}


def test_headers_of_the_last_stride_are_an_even_sample(survey):
    looks = [
        a_look(number, header=a_header(100 + number, channels))
        for number, channels in enumerate([3, 3, 1, 3, 2])
    ]
    report = report_of(survey, *looks, header_stride=2)
    assert report.num_headers == 3
    assert report.image_px["width"][::2] == [100, 102, 104]
    assert report.by_channels == {"colour": 1, "gray": 1, "two energies": 1}


def test_what_cannot_be_used_is_counted_and_the_first_few_are_named(survey):
    looks = [a_look(number, fault="no such file", is_absent=True, objects=[a_box()]) for number in range(7)]
    report = report_of(survey, *looks, dropped={"annotations of no image": 2, "nothing": 0})
    assert (report.num_images, report.num_objects) == (7, 0)
    assert report.damaged == [f"/{number}.png: no such file" for number in range(5)]
    assert report.missing == {"annotations of no image": 2, "images that are listed but not there": 7}
    assert report.surprising["images or annotations that cannot be used"] == 7


def test_published_counts_stand_beside_those_found(survey):
    report = report_of(survey, a_look(0, dataset="OPIXray", split="train", objects=[a_box(label="Scissor")]))
    published = {row["what"]: (row["published"], row["found"]) for row in report.published}
    assert published["images of train"] == (7109, 1)
    assert published["objects of Scissor"] == (1863, 1)
    assert report.missing["images of the published split test"] == 1776
    assert report.notes


def test_of_a_mixture_no_published_count_is_expected(survey):
    report = report_of(survey, a_look(0, dataset="OPIXray"), a_look(1, dataset="HUMS"))
    assert report.dataset == "OPIXray, HUMS"
    assert (report.published, report.notes) == ([], ())
