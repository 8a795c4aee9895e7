import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rwsc.errors import SourceError
from rwsc.sources import look
from rwsc.sources.check import check_source
from rwsc.sources.taxonomy import load_taxonomy
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix


@pytest.fixture
def opixray(store_uri, pixels):
    """An OPIXray source with a train split only, and a few things wrong with it."""
    root = Prefix(store_uri)

    def scan(name, annotation, image=None):
        root.write(f"train/train_image/{name}.jpg", image or encode_image(pixels(int(name)), codec="jpeg"))
        if annotation is not None:
            root.write(f"train/train_annotation/{name}.txt", annotation.encode())

    scan("001", "001.jpg Folding_Knife 5 6 25 30\n001.jpg Scissor 30 30 10 10\n")
    scan("002", "002.jpg Teapot 5 5 15 15\n002.jpg Scissor 50 30 90 90\n002.jpg Scissor 5 5 5 9\n")
    scan("003", "003.jpg Scissor 1 2 x 4\n")
    scan("004", "004.jpg Scissor 5 5 15 15\n", image=b"no picture")
    root.write("train/train_annotation/777.txt", b"777.jpg Scissor 5 5 15 15\n")
    root.write("train/train_knife.txt", b"001\n002\n003\n004\n777\n")
    root.write("train/Thumbs.db", b"")
    return store_uri


def test_a_source_is_looked_over(opixray):
    report = check_source(opixray)
    assert (report.layout, report.dataset, report.num_images) == ("opixray", "OPIXray", 4)
    assert "academic" in report.licence
    assert report.by_split == {"train": 4}
    assert report.num_annotated == 2
    assert report.by_source_class == {"Folding_Knife": 1, "Scissor": 3, "Teapot": 1}
    assert report.by_class == {"knife": 1, "scissors": 3, "Teapot": 1}
    assert report.unknown_classes == {"Teapot": 1}
    assert {"swapped": 1, "clipped": 1, "empty": 1}.items() <= report.surprising.items()
    assert report.surprising["files that operating systems left behind"] == 1
    assert report.surprising["images or annotations that cannot be used"] == 2
    assert [line.split("/")[-1].split(":")[0] for line in report.damaged] == ["003.jpg", "004.jpg"]
    assert report.missing["images of the published split test"] == 1776
    assert any("annotation" in name for name in report.missing)
    published = {row["what"]: (row["published"], row["found"]) for row in report.published}
    assert published["images of train"] == (7109, 4)
    assert published["objects of Scissor"] == (1863, 3)
    json.dumps(report.to_dict())


def test_sizes_are_those_of_headers_and_boxes(tmp_path, tree):
    for number, (height, width) in enumerate([(100, 200), (50, 60), (70, 80)]):
        image_id = tree.image(f"{number}.png", np.full((height, width, 3), 200, np.uint8))
        tree.annotation(image_id, bbox=[0, 0, 10, 20 + number])
    report = check_source(tree.write())
    assert report.num_headers == 3
    assert report.image_px["width"] == pytest.approx([60, 64, 80, 176, 200])
    assert report.num_measured_objects == 3
    assert report.object_px["height"][::2] == [20, 21, 22]
    assert report.object_px["share"][0] == pytest.approx(200 / 20000)


def test_listed_images_that_are_not_there_are_missing(tree, pixels):
    tree.image("a.png", pixels(0), width=60, height=40)
    tree.image("gone.png", width=60, height=40)
    tree.write()
    for path in (tree.root, tree.root / "annotations.json"):
        report = check_source(str(path))
        assert report.missing["images that are listed but not there"] == 1
        assert report.num_images == 2


def test_images_inside_a_parquet_file_are_measured(tmp_path, pixels):
    image = encode_image(pixels(0))
    rows = [
        {
            "image": {"bytes": image, "path": f"{number}.png"},
            "objects": {"bbox": [[5, 5, 20, 10]], "category": ["Gun"]},
        }
        for number in range(3)
    ]
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "train-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    for source in (tmp_path, path):
        report = check_source(str(source))
        assert (report.layout, report.num_images, report.num_headers) == ("huggingface", 3, 3)
        assert report.by_class == {"gun": 3}
        assert report.damaged == []


def test_headers_are_read_of_an_even_sample_only(tree, pixels, monkeypatch):
    image = encode_image(pixels(0))
    for number in range(100):
        tree.image(f"{number:03d}.png", image)
    tree.write()
    read = Counter()
    opened = look.open_read
    monkeypatch.setattr(look, "open_read", lambda uri: read.update([uri]) or opened(uri))
    report = check_source(str(tree.root), num_headers=8)
    assert 8 <= report.num_headers <= 16
    assert len(read) < 60
    assert report.num_images == 100


def test_a_folder_of_images_and_no_taxonomy(tree, pixels):
    tree.image("a.png", pixels(0))
    report = check_source(str(tree.root), dataset="mine", taxonomy=load_taxonomy("none"))
    assert (report.layout, report.dataset, report.licence) == ("folder", "mine", "none stated")
    assert (report.by_kind, report.published, report.notes) == ({"benign": 1}, [], ())


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no layout is recognised"):
        check_source(str(tmp_path))
