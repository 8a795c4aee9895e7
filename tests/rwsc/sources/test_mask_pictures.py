import pytest

from rwsc.sources.mask_pictures import find_mask_picture, is_folder_of_masks
from rwsc.sources.tree import SourceTree
from rwsc.storage.prefix import Prefix


def tree_of(*keys, root="/set"):
    files = {}
    for key in keys:
        folder, _, name = key.rpartition("/")
        files.setdefault(folder, []).append(name)
    return SourceTree(Prefix(root), files, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("masks", True), ("Mask", True), ("train_masks", True), ("masks-png", True), ("SegmentationClass", True),
     ("segmentations", True), ("seg", True), ("damask", False), ("images", False), ("segment_7", False),
     ("bags with no mask at all", False)],
)  # fmt: skip
def test_folders_of_masks_are_told_by_short_names(name, expected):
    assert is_folder_of_masks(name) is expected


@pytest.mark.parametrize(
    "mask", ["masks/1.png", "x/Masks/train/7.png", "train_mask/1_0.png", "SegmentationObject/1.bmp"]
)
def test_pictures_in_folders_of_masks_are_found_whatever_they_are_called(mask):
    assert find_mask_picture(tree_of("images/1.jpg", mask)) == f"{mask} (in a folder called as one of masks)"


def test_the_folder_given_may_be_that_of_the_masks():
    assert find_mask_picture(tree_of("1.png", root="/set/masks")) == (
        "1.png (in a folder called as one of masks)"
    )


@pytest.mark.parametrize(
    "mask",
    ["1_mask.png", "deep/1-MASK.png", "1.mask.bmp", "mask_1.png", "1_gt.png", "1_mask_0.png", "1_seg.png", "GT-1.png",
     "1_label.png", "out/1_segmentation.tif"],
)  # fmt: skip
def test_pictures_called_as_masks_of_others_are_found_anywhere(mask):
    found = find_mask_picture(tree_of("images/1.jpg", "images/2.jpg", mask))
    assert found == f"{mask} (called as a mask of images/1.jpg)"


@pytest.mark.parametrize(
    "other", ["3_mask.png", "1mask.png", "1_low.png", "mask.png", "_mask.png", "1_masked.png", "1_0.png"]
)
def test_other_names_are_those_of_scans(other):
    assert find_mask_picture(tree_of("images/1.jpg", "images/2.jpg", other)) is None


def test_a_name_of_signs_that_do_not_print_is_told_on_one_line():
    found = find_mask_picture(tree_of("images/a\nb.jpg", "x/a\nb_mask.png"))
    assert found == r"'x/a\nb_mask.png' (called as a mask of 'images/a\nb.jpg')"
