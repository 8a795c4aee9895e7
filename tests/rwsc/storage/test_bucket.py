import os
from datetime import timedelta

import obstore
import pytest

from rwsc.errors import ObjectExists
from rwsc.storage import bucket
from rwsc.storage.addresses import bucket_and_path
from rwsc.storage.files import open_read, open_write
from rwsc.storage.prefix import Prefix
from rwsc.storage.s3 import open_bucket, open_file_system

pytestmark = pytest.mark.s3

DATA = os.urandom(2_000_000)


@pytest.fixture
def place(s3_uri, cutting_proxy):
    """A prefix that is reached through the cutting proxy, and holds one object."""
    store = Prefix(s3_uri)
    store.write("a", DATA)
    return store


def test_an_answer_cut_in_the_middle_is_read_on(place, cutting_proxy):
    cutting_proxy.cuts = [100_000, 300_000, 0]
    assert place.read("a") == DATA
    assert cutting_proxy.cuts == []


def test_a_write_whose_answer_is_lost_is_repeated(place, cutting_proxy):
    cutting_proxy.cuts = [0, 0]
    place.write("b", DATA)
    assert cutting_proxy.cuts == []
    assert place.read("b") == DATA


def test_a_listing_whose_answer_is_lost_is_repeated(place, cutting_proxy):
    cutting_proxy.cuts = [0, 10]
    assert list(place.list_keys()) == ["a"]
    assert cutting_proxy.cuts == []


def test_our_own_object_is_no_rival_when_the_answer_is_lost(place, cutting_proxy):
    cutting_proxy.cuts = [0]
    place.write("claim", b"mine", overwrite=False)
    assert cutting_proxy.cuts == []
    assert place.read("claim") == b"mine"


def test_a_rival_is_found_when_the_answer_is_lost(place, cutting_proxy):
    place.write("claim", b"theirs")
    cutting_proxy.cuts = [0]
    with pytest.raises(ObjectExists):
        place.write("claim", b"mine", overwrite=False)
    assert cutting_proxy.cuts == []
    assert place.read("claim") == b"theirs"


def test_a_seekable_file_is_read_on_when_the_answer_is_cut(place, cutting_proxy):
    with open_read(place.uri_of("a")) as file:
        cutting_proxy.cuts = [50_000]
        file.seek(1000)
        assert file.read() == DATA[1000:]
    assert cutting_proxy.cuts == []


def test_a_file_in_parts_is_whole_when_answers_are_lost(place, cutting_proxy):
    part = os.urandom(9 * 2**20)
    with open_write(place.uri_of("parts")) as file:
        file.write(part)
        cutting_proxy.cuts = [0]
        file.write(part)
    assert cutting_proxy.cuts == []
    assert place.read("parts") == part * 2


def test_folder_marks_of_web_consoles_are_no_objects(s3_uri):
    name, path = bucket_and_path(s3_uri)
    for mark in ("empty/", "full/"):
        open_file_system().call_s3("put_object", Bucket=name, Key=f"{path}/{mark}", Body=b"")
    store = Prefix(s3_uri)
    store.write("full/a", b"1")
    store.write("no bytes.txt", b"")
    assert sorted(store.list_keys()) == ["full/a", "no bytes.txt"]


def test_a_sweep_takes_old_write_tests_and_leaves_those_at_work(s3_uri, monkeypatch):
    store = Prefix(s3_uri)
    name, path = bucket_and_path(s3_uri)
    obstore.put(open_bucket(name), f"{path}/.rwsc-part-test-1", b"1")
    store.write("a", b"1")
    store.sweep()
    assert store.look_into().leftovers == [".rwsc-part-test-1"]
    monkeypatch.setattr(bucket, "_LONGEST_WRITE_TEST", timedelta(seconds=-5))
    store.sweep()
    assert store.look_into() == ([], ["a"], [])
    store.sweep("no/such/folder")
