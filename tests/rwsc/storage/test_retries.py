"""Faults that pass are outlived with the right bytes; faults that stay are told in one line and in bounded time."""

import importlib
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from support.corpora import make_inputs, synth_config
from support.fault_proxy import TRANSIENT
from support.made_corpora import files_of, make_here

from rwsc.cli.main import main
from rwsc.errors import AccessDenied, ObjectExists, StorageError
from rwsc.storage import files, s3
from rwsc.storage.files import open_read, open_write
from rwsc.storage.prefix import Prefix

pytestmark = pytest.mark.s3

PART = os.urandom(5 * 2**20)


def assert_all_met(proxy, kinds=TRANSIENT):
    assert set(kinds) <= proxy.faults.keys(), proxy.faults


def test_objects_are_written_read_listed_and_deleted_through_any_fault(fault_proxy, s3_uri):
    store = Prefix(s3_uri)
    objects = {
        f"{number % 5}/{number}": random.Random(number).randbytes(3000 * number) for number in range(60)
    }
    with fault_proxy.giving(*TRANSIENT, share=0.2), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.write(key, objects[key]), objects))
        assert dict(zip(objects, pool.map(store.read, objects), strict=True)) == objects
        assert sorted(store.list_keys()) == sorted(objects)
        gone = [key for key in objects if key.startswith("3/")]
        list(pool.map(store.delete, gone))
        there = list(pool.map(store.exists, objects))
        assert there == [key not in gone for key in objects]
        assert store.look_into("4").objects == sorted(key[2:] for key in objects if key.startswith("4/"))
    assert_all_met(fault_proxy)


def test_one_of_two_writers_wins_whatever_becomes_of_their_answers(fault_proxy, s3_uri):
    store = Prefix(s3_uri)

    def claim(key, name):
        try:
            store.write(key, name, overwrite=False)
        except ObjectExists:
            return None
        return name

    with fault_proxy.giving(*TRANSIENT, share=0.2), ThreadPoolExecutor(2) as pool:
        for key in map(str, range(20)):
            won = {name for name in pool.map(claim, (key, key), (b"one", b"two")) if name}
            assert won == {store.read(key)}
    assert_all_met(fault_proxy, ("500", "503", "lost"))


def test_files_are_written_in_parts_and_read_in_leaps_through_any_fault(fault_proxy, s3_uri, monkeypatch):
    monkeypatch.setattr(files, "_WRITE_BLOCK_BYTES", len(PART))
    with fault_proxy.giving("500", "503", "lost", "cut", share=0.2):
        for number in range(4):
            uri = f"{s3_uri}/{number}"
            with open_write(uri) as file:
                for _ in range(3):
                    file.write(PART)
            with open_read(uri) as file:
                assert file.read(10) == PART[:10]
                file.seek(len(PART) - 5)
                assert file.read(10) == PART[-5:] + PART[:5]
                assert file.read() == PART[5:] + PART
    assert_all_met(fault_proxy, ("500", "503", "lost", "cut"))


@pytest.mark.parametrize("kind", ["stall", "hang"])
def test_a_file_outlives_a_server_that_falls_silent(fault_proxy, s3_uri, kind):
    with open_write(f"{s3_uri}/a") as file:
        fault_proxy.once(kind)
        file.write(PART)
    for place in range(2):  # its size, its bytes
        fault_proxy.once(kind, after=place)
        with open_read(f"{s3_uri}/a") as file:
            assert file.read() == PART
    assert fault_proxy.faults[kind] == 3


@pytest.mark.parametrize("kind", ["500", "503", "lost", "cut", "stall"])
def test_a_first_fault_does_not_fail_a_write_test(fault_proxy, s3_uri, kind):
    for place in range(3):  # it asks three times: write, read, delete
        fault_proxy.once(kind, after=place)
        Prefix(s3_uri).check_writable()
    assert fault_proxy.faults[kind] == 3


def test_a_corpus_made_through_any_fault_is_the_undisturbed_one(fault_proxy, s3_uri, tmp_path):
    make_inputs(str(tmp_path))
    config = synth_config(str(tmp_path), num_images=12)
    make_here(config)
    with fault_proxy.giving(*TRANSIENT, share=0.1):
        make_here(config.model_copy(update={"output": f"{s3_uri}/corpus"}))
    assert files_of(f"{s3_uri}/corpus") == files_of(config.output)
    assert fault_proxy.faults.total() > 3


def test_a_delete_is_not_repeated_beyond_the_clients_patience(s3_uri, s3_env, monkeypatch):
    monkeypatch.setitem(s3._RETRIES, "long", {**s3._RETRIES["long"], "retry_timeout": timedelta(seconds=2)})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3._bucket_client.cache_clear()
    started = time.monotonic()
    with pytest.raises(StorageError, match="nothing listens there"):
        Prefix(s3_uri).delete("a")
    s3._bucket_client.cache_clear()
    assert 1 < time.monotonic() - started < 3.9


FOR_GOOD = {
    "503": (StorageError, "the server is too busy"),
    "stall": (StorageError, "cannot be reached: it does not answer in time"),
    "403": (AccessDenied, r"access is denied \(403\)"),
    "bucket": (StorageError, "the bucket does not exist"),
}


@pytest.mark.parametrize("kind", FOR_GOOD)
def test_a_fault_that_stays_ends_every_operation_in_one_line(fault_proxy, s3_uri, monkeypatch, kind):
    # With a hundredth of the patience: two minutes for an object, one to several for a file.
    short = {**s3._RETRIES["long"], "retry_timeout": timedelta(seconds=1)}
    monkeypatch.setitem(s3._RETRIES, "long", short)
    monkeypatch.setattr(s3, "_ATTEMPTS", 1)
    monkeypatch.setattr(s3, "_ATTEMPTS_AT_ALL", 1)
    store, error = Prefix(s3_uri), FOR_GOOD[kind]
    store.write("a", b"1")

    def write_file():
        with open_write(store.uri_of("file")) as file:
            file.write(b"1")

    def read_file():
        with open_read(store.uri_of("a")) as file:
            file.read()

    operations = [
        lambda: store.read("a"),
        lambda: list(store.list_keys()),
        lambda: store.delete("a"),
        read_file,
        write_file,
    ]
    with fault_proxy.giving(kind):
        for operation in operations:
            started = time.monotonic()
            with pytest.raises(error[0], match=error[1]) as caught:
                operation()
            assert time.monotonic() - started < 10
            assert "\n" not in caught.value.message
            assert caught.value.remedy


@pytest.mark.parametrize("kind", [*FOR_GOOD, "gone"])
def test_commands_end_with_2_and_one_line_within_seconds(
    fault_proxy, s3_env, s3_uri, monkeypatch, capsys, kind
):
    nothing = f"{s3_uri}/nothing"
    importlib.import_module("rwsc.runs.synthesize")  # which takes long on a busy machine
    commands = [
        ["verify", f"{s3_uri}/corpus"],
        ["synth", "--items", nothing, "--bags", nothing, "-o", f"{s3_uri}/corpus", "--num-images", "3"],
    ]
    if kind == "gone":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with fault_proxy.giving(kind):
        for command in commands[: 1 if kind == "stall" else 2]:
            monkeypatch.setattr(sys, "argv", ["rwsc", *command])
            started = time.monotonic()
            with pytest.raises(SystemExit) as end:
                main()
            told = capsys.readouterr().err
            assert time.monotonic() - started < 15
            assert end.value.code == 2
            assert [line.split()[0] for line in told.splitlines()] == ["error:", "try:"], told
            assert s3_env["AWS_SECRET_ACCESS_KEY"] not in told
            assert s3_env["AWS_ACCESS_KEY_ID"] not in told
