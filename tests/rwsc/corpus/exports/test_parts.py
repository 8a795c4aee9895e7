from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.corpus.exports import parts as module
from rwsc.corpus.exports.parts import Part, marker_key, parts_of, write_folder_part
from rwsc.storage.prefix import Prefix


@dataclass
class Sized:
    name: int
    split: str = "train"
    num_raw_bytes: int = 1


@given(st.lists(st.sampled_from(["train", "val"]), max_size=40), st.integers(1, 7), st.integers(0, 40))
def test_every_picture_is_in_one_part_and_parts_grow_at_the_end_alone(splits, part_images, number):
    pictures = [Sized(place, split) for place, split in enumerate(splits)]
    parts = {part.name: part.pictures for part in parts_of(pictures, part_images=part_images)}
    assert sorted(picture.name for inside in parts.values() for picture in inside) == list(
        range(len(pictures))
    )
    assert all(0 < len(inside) <= part_images for inside in parts.values())
    for part in parts_of(pictures[:number], part_images=part_images):
        assert parts[part.name][: len(part.pictures)] == part.pictures


def test_large_images_make_smaller_parts(monkeypatch):
    monkeypatch.setattr(module, "PART_RAW_BYTES", 10)
    sizes = [4, 4, 4, 30, 1, 9, 1]
    parts = parts_of([Sized(place, num_raw_bytes=size) for place, size in enumerate(sizes)], part_images=100)
    assert [[picture.num_raw_bytes for picture in part.pictures] for part in parts] == [
        [4, 4],
        [4],
        [30],
        [1, 9],
        [1],
    ]


def test_a_marker_comes_last(tmp_path):
    out, part = Prefix(str(tmp_path)), Part(split="train", number=3, pictures=[Sized(0), Sized(1)])

    def fail_at_the_second(picture):
        out.write(f"{picture.name}", b"x")
        if picture.name:
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_folder_part(out, part, fail_at_the_second, threads=1)
    assert not out.exists(marker_key(part))
    write_folder_part(out, part, lambda picture: None, threads=2)
    assert out.exists(".rwsc/train-000003")
