import pickle
import secrets
import threading
from pathlib import Path

import obstore
import pytest

from rwsc.errors import AccessDenied, ObjectExists, ObjectMissing, StorageError
from rwsc.storage.addresses import bucket_and_path
from rwsc.storage.prefix import Prefix, read_uri, write_uri
from rwsc.storage.s3 import open_bucket

ODD_KEYS = [
    "plain.png",
    "with space.png",
    " leading and trailing ",
    "ünïcode/箱/刀.png",
    "e\u0301 decomposed.png",
    "percent%20twenty%.png",
    "hash#1",
    "deep/er/and#2/deeper.png",
    "plus+and=&;,$@!.png",
    "quotes'\"`.png",
    "brackets[]{}()<>^~|*?.png",
    ".hidden",
    "a:b",
]


def test_what_was_written_is_read(store_uri):
    store = Prefix(store_uri)
    data = secrets.token_bytes(300_000)
    store.write("a/b.bin", data)
    assert store.read("a/b.bin") == data
    assert store.exists("a/b.bin")
    store.write("a/b.bin", b"")
    assert store.read("a/b.bin") == b""


def test_what_is_too_large_is_refused_with_its_size(store_uri):
    store = Prefix(store_uri)
    store.write("a/b.json", b"x" * 1001)
    assert (
        store.read("a/b.json", max_bytes=1001)
        == read_uri(f"{store_uri}/a/b.json", max_bytes=1001)
        == b"x" * 1001
    )
    for read in (store.read, lambda key, **limit: read_uri(store.uri_of(key), **limit)):
        with pytest.raises(
            AccessDenied, match=f"^{store_uri}/a/b.json has 1,001 bytes, over the limit of 1,000 "
        ) as caught:
            read("a/b.json", max_bytes=1000)
        assert caught.value.remedy
    with pytest.raises(ObjectMissing):
        store.read("a/c.json", max_bytes=1000)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_names_go_round(store_uri, key):
    store = Prefix(store_uri)
    store.write(key, key.encode())
    assert store.read(key) == key.encode()
    assert store.exists(key)
    assert list(store.list_keys()) == [key]
    store.delete(key)
    assert list(store.list_keys()) == []


def test_missing_objects_are_told_by_address(store_uri):
    store = Prefix(store_uri)
    assert not store.exists("a/none.png")
    with pytest.raises(ObjectMissing, match=f"there is nothing at {store_uri}/a/none.png") as caught:
        store.read("a/none.png")
    assert caught.value.remedy
    store.delete("a/none.png")


def test_a_folder_is_no_object(store_uri):
    store = Prefix(store_uri)
    store.write("folder/a", b"1")
    assert not store.exists("folder")
    with pytest.raises(StorageError, match=f"{store_uri}/folder"):
        store.read("folder")


def test_listing_goes_deep_and_stays_inside(store_uri):
    store = Prefix(store_uri)
    keys = {"a", "ab/c", "a-b/c", "d/e/f/g", "d/e.png", "d/e/f.png"}
    for key in keys:
        store.write(key, b"1")
    Prefix(store_uri + "-sibling").write("other", b"1")
    listed = list(store.list_keys())
    assert len(listed) == len(keys)
    assert set(listed) == keys
    assert set(store.list_keys("d")) == {"d/e/f/g", "d/e.png", "d/e/f.png"}
    assert set(store.list_keys("d/e/")) == {"d/e/f/g", "d/e/f.png"}
    assert list(store.list_keys("a")) == []
    assert list(store.list_keys("nothing")) == []
    assert set(store.child("d").list_keys()) == {"e/f/g", "e.png", "e/f.png"}


@pytest.mark.s3
def test_listing_passes_a_page(s3_uri, monkeypatch):
    monkeypatch.setattr("rwsc.storage.bucket._PAGE_KEYS", 3)
    store = Prefix(s3_uri)
    for number in range(10):
        store.write(f"{number:02}", b"1")
    assert sorted(store.list_keys()) == [f"{number:02}" for number in range(10)]


def test_a_failure_of_the_caller_between_two_keys_is_its_own(store_uri):
    store = Prefix(store_uri)
    store.write("a", b"1")

    def stumble():
        for _ in store.list_keys():
            raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        stumble()


def test_without_overwriting_the_first_writer_wins(store_uri):
    store = Prefix(store_uri)
    store.write("run.json", b"first", overwrite=False)
    for data in (b"second", b"first"):
        with pytest.raises(ObjectExists, match=r"run\.json exists already"):
            store.write("run.json", data, overwrite=False)
    assert store.read("run.json") == b"first"
    assert list(store.list_keys()) == ["run.json"]


def test_of_many_writers_without_overwriting_exactly_one_wins(store_uri):
    store = Prefix(store_uri)
    start = threading.Barrier(8)
    winners = []

    def claim(name):
        start.wait()
        try:
            store.write("claim", name, overwrite=False)
        except ObjectExists:
            return
        winners.append(name)

    threads = [threading.Thread(target=claim, args=(b"%d" % number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert winners == [store.read("claim")]


@pytest.mark.parametrize("key", ["/etc/passwd", "../x", "a/../../x", ""])
def test_no_call_takes_a_key_that_leaves_the_prefix(tmp_path, key):
    store = Prefix(str(tmp_path))
    calls = [
        store.read,
        store.exists,
        store.delete,
        store.child,
        store.uri_of,
        lambda key: store.write(key, b""),
    ]
    for call in calls:
        with pytest.raises(StorageError, match="leaves its prefix"):
            call(key)


def test_listing_cannot_leave_the_prefix(tmp_path):
    with pytest.raises(StorageError, match="leaves its prefix"):
        list(Prefix(str(tmp_path)).list_keys("../"))


def test_complete_addresses_name_the_same_object(store_uri):
    store = Prefix(store_uri)
    write_uri(store.uri_of("a/b"), b"1")
    assert store.read("a/b") == b"1"
    assert read_uri(f"{store_uri}/a/b") == b"1"
    with pytest.raises(ObjectExists):
        write_uri(store.uri_of("a/b"), b"2", overwrite=False)
    with pytest.raises(ObjectMissing):
        read_uri(store.uri_of("none"))


def test_a_writable_store_passes_and_is_left_as_it_was(store_uri):
    store = Prefix(store_uri)
    store.check_writable()
    assert list(store.list_keys()) == []


def test_an_empty_place_is_not_readable(store_uri):
    store = Prefix(store_uri)
    with pytest.raises(ObjectMissing, match=f"there is nothing at {store_uri}"):
        store.check_readable()
    store.write("a", b"1")
    store.check_readable()


def test_a_store_that_gives_back_other_bytes_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("rwsc.storage.local.LocalFolder.read", lambda self, key: b"other")
    with pytest.raises(StorageError, match="gives back other bytes"):
        Prefix(str(tmp_path)).check_writable()


def test_equal_addresses_are_equal_prefixes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Prefix("a/") == Prefix(f"{tmp_path}/a")
    assert len({Prefix("a"), Prefix("./a")}) == 1
    assert Prefix("a").child("b/c").uri == f"{tmp_path}/a/b/c"


def test_a_prefix_travels_and_works_where_it_arrives(store_uri):
    store = Prefix(store_uri)
    store.write("a", b"1")
    arrived = pickle.loads(pickle.dumps(store))
    assert arrived == store
    assert arrived.read("a") == b"1"


def test_what_lies_right_inside_a_folder_is_listed_by_kind(store_uri):
    store = Prefix(store_uri)
    for key in ("a/b/c.png", "a/d/e/f.png", "a/x.png", "g.png"):
        store.write(key, b"x")
    for name in (".rwsc-part-1", "a/.rwsc-part-2", "a/b/.rwsc-part-3"):
        if store_uri.startswith("s3://"):
            bucket, path = bucket_and_path(f"{store_uri}/{name}")
            obstore.put(open_bucket(bucket), path, b"x")
        else:
            Path(store_uri, name).write_bytes(b"x")
    assert store.look_into("a") == (["b", "d"], ["x.png"], [".rwsc-part-2"])
    assert store.look_into() == (["a"], ["g.png"], [".rwsc-part-1"])
    assert store.look_into("nowhere") == ([], [], [])
    assert sorted(store.list_keys()) == ["a/b/c.png", "a/d/e/f.png", "a/x.png", "g.png"]
