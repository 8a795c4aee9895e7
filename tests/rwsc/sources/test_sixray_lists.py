from collections import Counter

from support.source_trees import grow

from rwsc.sources.sixray_lists import Membership, SixrayLists, list_keys

HEAD = "name,Gun,Knife,Wrench,Pliers,Scissors\r\n"


def lists(tmp_path, files):
    dropped = Counter()
    return SixrayLists(grow(str(tmp_path), files), dropped), dropped


def test_the_smallest_subset_counts(tmp_path):
    found, _ = lists(
        tmp_path,
        {
            "ImageSet/1000/train.csv": HEAD + "P00001,1,-1,-1,-1,-1\nN0000001,-1,-1,-1,-1,-1\n",
            "ImageSet/10/train.csv": HEAD + "P00001,1,-1,-1,-1,-1\n",
            "ImageSet/100/test.csv": HEAD + "N0000002,-1,-1,-1,-1,-1\n",
        },
    )
    assert found.find("P00001") == Membership("10", "train", True, False)
    assert found.find("N0000001") == Membership("1000", "train", False, False)
    assert found.find("N0000002") == Membership("100", "test", False, False)
    assert found.find("N0000003") is None


def test_marks_floats_spaces_more_columns_and_no_header(tmp_path):
    found, dropped = lists(
        tmp_path,
        {
            "a/10/train.csv": b"\xef\xbb\xbfname,Gun,Hammer\r\nP1, 1.0 ,-1.0\r\n\r\nimg\\P2.JPG,0,-1,,\r\n",
            "train_test_10-5/test.csv": b"P3,-1,1\n",
        },
    )
    assert [found.find(stem).is_positive for stem in ("P1", "P2", "P3")] == [True, False, True]
    assert found.find("P3").split == "test"
    assert not dropped


def test_lists_at_odds_are_noted_and_the_smallest_or_the_test_counts(tmp_path):
    found, _ = lists(
        tmp_path,
        {
            "10/train.csv": "N1,-1\nN2,-1\n",
            "100/test.csv": "N1,-1\n",
            "10/test.csv": "N2,-1\n",
        },
    )
    assert found.find("N1") == Membership("10", "train", False, True)
    assert found.find("N2") == Membership("10", "test", False, True)


def test_rows_and_files_that_cannot_be_read_are_counted(tmp_path):
    found, dropped = lists(
        tmp_path,
        {
            "10/train.csv": "P1,1\n,1\nP2,many\n" + 'P3,1\nP4,"' + "x" * 200_000,
            "100/train.csv": b"\xff" * 9,
            "1000/train.csv": b"",
        },
    )
    assert found.find("P3").is_positive
    assert dropped == {"unreadable row of a list of images": 2, "list of images that cannot be read": 2}


def test_listed_images_that_nobody_asked_for_are_missing(tmp_path):
    found, dropped = lists(tmp_path, {"10/train.csv": "P1,1\nP2,1\n../../etc/passwd,1\n"})
    found.find("P1")
    found.find("P1")
    found.count_missing(dropped)
    assert dropped == {"listed image missing": 2}


def test_only_tables_in_folders_of_a_subset_are_lists(tmp_path):
    keys = ["10/train.csv", "10/test.CSV", "labels/100/a.csv", "x/a.csv", "10.csv", "2010/a.csv"]
    tree = grow(str(tmp_path), dict.fromkeys(keys, b""))
    assert list_keys(tree) == ["10/test.CSV", "10/train.csv", "labels/100/a.csv"]
