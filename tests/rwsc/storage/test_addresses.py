import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.errors import StorageError
from rwsc.storage.addresses import absolute_uri, checked_key, is_part, join_uri, split_uri


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b"),
        ("//a//b/../c/.", "/a/c"),
        ("/", "/"),
        ("/a b/ü#%20", "/a b/ü#%20"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a b/ü#%20/", "s3://bucket/a b/ü#%20"),
    ],
)
def test_an_address_has_one_form(text, uri):
    assert absolute_uri(text) == uri
    assert absolute_uri(uri) == uri


def test_relative_paths_start_at_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_uri("runs/../corpus") == f"{tmp_path}/corpus"
    assert absolute_uri(".") == str(tmp_path)


def test_the_tilde_is_the_home_folder_only_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert absolute_uri("~/scans") == f"{tmp_path}/scans"
    assert absolute_uri("~scans") == f"{tmp_path}/~scans"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "address is empty"),
        ("  ", "address is empty"),
        ("gs://bucket/a", "begin with gs:// are not supported"),
        ("https://host/a.png", "begin with https:// are not supported"),
        ("file:///a", "begin with file:// are not supported"),
        ("S3://bucket/a", "no S3 address"),
        ("s3:/bucket/a", "no S3 address"),
        ("s3://", "no bucket name"),
        ("s3:///a", "no bucket name"),
        ("s3://b", "no bucket name"),
        ("s3://bucket/a/../b", "leaves its prefix"),
        ("s3://bucket//a", "empty segment"),
        ("/a\0b", "zero byte"),
    ],
)
def test_an_impossible_address_is_refused(text, match):
    with pytest.raises(StorageError, match=match) as caught:
        absolute_uri(text)
    assert caught.value.remedy


def test_credentials_in_an_address_are_refused_and_not_repeated():
    with pytest.raises(StorageError, match="no bucket name") as caught:
        absolute_uri("s3://AKIAKEY:topsecret@bucket/a")
    assert "topsecret" not in caught.value.message + caught.value.remedy
    assert "AKIAKEY" not in caught.value.message + caught.value.remedy


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("/a/b", ("/a", "b")),
        ("/b", ("/", "b")),
        ("s3://bucket/b", ("s3://bucket", "b")),
        ("s3://bucket/a/b", ("s3://bucket/a", "b")),
    ],
)
def test_splitting_and_joining_are_inverse(uri, parts):
    assert split_uri(uri) == parts
    assert join_uri(*parts) == uri


@pytest.mark.parametrize("uri", ["/", "s3://bucket", "s3://bucket/"])
def test_a_bucket_or_the_root_is_no_object(uri):
    with pytest.raises(StorageError, match="names no object"):
        split_uri(uri)


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a/.", "/etc/passwd"])
def test_a_key_cannot_leave_its_prefix(key):
    with pytest.raises(StorageError, match="leaves its prefix or has an empty segment"):
        checked_key(key)


@pytest.mark.parametrize("key", ["a\nb", "a\0", "\x7f", "\udcff.png"])
def test_a_key_every_store_can_name_is_asked_for(key):
    with pytest.raises(StorageError, match="not every store can name"):
        checked_key(key)


def test_names_of_unfinished_files_are_reserved():
    with pytest.raises(StorageError, match="reserved"):
        checked_key("images/.rwsc-part-0123")
    assert is_part("images/.rwsc-part-0123")
    assert not is_part(".rwsc-part-folder/a.png")


@given(st.text(min_size=1))
def test_a_key_that_passes_stays_below_its_prefix(key):
    try:
        uri = join_uri("/store/place", key)
    except StorageError:
        return
    assert os.path.normpath(uri) == uri
    assert uri.startswith("/store/place/")
