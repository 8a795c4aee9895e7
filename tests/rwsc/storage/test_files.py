import io
import os
import subprocess
import sys
import zipfile

import pytest

from rwsc.errors import ObjectMissing, StorageError
from rwsc.storage.files import open_read, open_write
from rwsc.storage.prefix import Prefix

KILLED_WRITER = """
import os, sys
from rwsc.storage.files import open_write
with open_write(sys.argv[1]) as file:
    file.write(b"half of it" * 2_000_000)
    os._exit(9)
"""

SIZES = [0, 1, 17 * 2**20 + 3]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_in_pieces_is_read(store_uri, size):
    data = os.urandom(size)
    with open_write(f"{store_uri}/a/b.bin") as file:
        for start in range(0, size, 5_000_000):
            file.write(data[start : start + 5_000_000])
    assert Prefix(store_uri).read("a/b.bin") == data
    with open_read(f"{store_uri}/a/b.bin") as file:
        assert file.read() == data


def test_a_file_is_read_at_any_position(store_uri):
    data = os.urandom(3_000_000)
    Prefix(store_uri).write("a", data)
    with open_read(f"{store_uri}/a") as file:
        assert file.seekable()
        assert file.readable()
        assert file.seek(-10, io.SEEK_END) == len(data) - 10
        assert file.read() == data[-10:]
        file.seek(1_234_567)
        assert file.read(100) == data[1_234_567:1_234_667]
        assert file.tell() == 1_234_667
        buffer = bytearray(50)
        assert file.readinto(buffer) == 50
        assert buffer == data[1_234_667:1_234_717]
        file.seek(0, io.SEEK_END)
        assert file.read(10) == b""


def test_other_libraries_can_drive_the_files(store_uri):
    with open_write(f"{store_uri}/a.zip") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inside.txt", "hello")
    with open_read(f"{store_uri}/a.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("inside.txt") == b"hello"
    with open_read(f"{store_uri}/a.zip") as file:
        assert io.TextIOWrapper(file, encoding="latin-1").read(2) == "PK"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("older", [None, b"older"])
def test_an_exception_leaves_the_store_as_it_was(store_uri, size, older):
    store = Prefix(store_uri)
    if older is not None:
        store.write("a", older)

    def fail():
        with open_write(store.uri_of("a")) as file:
            file.write(b"x" * size)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert list(store.list_keys()) == ([] if older is None else ["a"])
    if older is not None:
        assert store.read("a") == older


def test_a_failure_of_the_caller_is_its_own(store_uri):
    Prefix(store_uri).write("a", b"1")
    with pytest.raises(OSError, match="mine") as caught, open_read(f"{store_uri}/a"):
        raise OSError("mine")
    assert not isinstance(caught.value, StorageError)


def test_a_killed_writer_leaves_the_store_as_it_was(store_uri):
    store = Prefix(store_uri)
    store.write("a", b"older")
    done = subprocess.run([sys.executable, "-c", KILLED_WRITER, store.uri_of("a")], check=False)
    assert done.returncode == 9
    assert list(store.list_keys()) == ["a"]
    assert store.read("a") == b"older"


def test_nothing_is_seen_before_the_block_ends(store_uri):
    store = Prefix(store_uri)
    with open_write(store.uri_of("a")) as file:
        file.write(b"x" * 17 * 2**20)
        assert not store.exists("a")
        assert list(store.list_keys()) == []
    assert store.exists("a")


def test_a_missing_file_is_told(store_uri):
    with (
        pytest.raises(ObjectMissing, match=f"there is nothing at {store_uri}/none"),
        open_read(f"{store_uri}/none"),
    ):
        pass


def test_a_folder_is_no_file(store_uri):
    Prefix(store_uri).write("folder/a", b"1")
    with pytest.raises(StorageError, match=f"{store_uri}/folder"), open_read(f"{store_uri}/folder"):
        pass


def test_a_bucket_is_no_file():
    with pytest.raises(StorageError, match="names no object"), open_read("s3://bucket"):
        pass
    with pytest.raises(StorageError, match="names no object"), open_write("/"):
        pass


def test_a_file_under_a_file_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(StorageError, match="a file stands where a folder"), open_write(f"{tmp_path}/file/a"):
        pass
    with pytest.raises(StorageError, match="a file stands where a folder"), open_read(f"{tmp_path}/file/a"):
        pass


def test_relative_paths_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_write("sub/a") as file:
        file.write(b"1")
    with open_read("sub/a") as file:
        assert file.read() == b"1"
    assert (tmp_path / "sub" / "a").read_bytes() == b"1"
