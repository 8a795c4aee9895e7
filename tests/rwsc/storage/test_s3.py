import os
import pickle
import socket
import threading
import time
import traceback

import pytest

from rwsc.errors import RwscError, StorageError
from rwsc.storage import s3
from rwsc.storage.files import open_read, open_write
from rwsc.storage.prefix import Prefix

pytestmark = pytest.mark.s3

WRONG_SECRET = "wrongsecret0123456789"


@pytest.fixture
def impatient(monkeypatch):
    """Let seekable files give up early too, whose client has no short form."""
    monkeypatch.setattr(s3, "_ATTEMPTS", 1)
    s3._file_system.cache_clear()
    yield
    s3._file_system.cache_clear()


@pytest.fixture
def quick_to_repeat(monkeypatch):
    """Give up soon on a server that takes a request while it starts and then never answers it."""
    monkeypatch.setitem(s3._TIMEOUTS, "long", {**s3._TIMEOUTS["long"], "read_timeout": "2s"})
    s3._bucket_client.cache_clear()
    yield
    s3._bucket_client.cache_clear()


def read_all(uri):
    with open_read(uri) as file:
        return file.read()


def write_all(uri):
    with open_write(uri) as file:
        file.write(b"1")


PREFLIGHTS = [lambda uri: Prefix(uri).check_writable(), lambda uri: Prefix(uri).check_readable()]
SEEKABLE = [lambda uri: write_all(f"{uri}/a"), lambda uri: read_all(f"{uri}/a")]


def failure_of(call, uri):
    with pytest.raises(StorageError) as caught:
        call(uri)
    assert isinstance(caught.value, StorageError)
    assert "\n" not in caught.value.message
    assert caught.value.remedy
    return caught.value


def test_a_missing_bucket_is_told(s3_env, impatient):
    uri = "s3://no-such-bucket-here"
    for call in (*PREFLIGHTS[:1], *SEEKABLE, lambda uri: Prefix(uri).read("a")):
        assert "the bucket does not exist" in failure_of(call, uri).message
    with pytest.raises(StorageError, match="no-such-bucket-here"):
        Prefix(uri).check_readable()


def test_a_wrong_secret_is_told(s3_uri, monkeypatch, impatient):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRONG_SECRET)
    for call in (*PREFLIGHTS, SEEKABLE[0], lambda uri: Prefix(uri).read("a")):
        error = failure_of(call, s3_uri)
        assert "the secret does not fit the access key" in error.message
        assert "AWS_SECRET_ACCESS_KEY" in error.remedy
    # A HEAD request, which these begin with, is answered by a bare 403.
    for call in (SEEKABLE[1], lambda uri: Prefix(uri).exists("a")):
        assert "access is denied (403)" in failure_of(call, s3_uri).message


def test_a_wrong_access_key_is_told(s3_uri, monkeypatch, impatient):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobodyknowsthiskey")
    for call in (*PREFLIGHTS, SEEKABLE[0]):
        assert "does not know the access key" in failure_of(call, s3_uri).message


@pytest.mark.parametrize(
    ("endpoint", "matter"),
    [
        ("http://127.0.0.1:9", "nothing listens there"),
        ("http://no-such-host.invalid", "its host name is unknown"),
    ],
)
def test_an_unreachable_endpoint_is_told_soon(s3_uri, monkeypatch, impatient, endpoint, matter):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for call in (*PREFLIGHTS, SEEKABLE[1]):
        start = time.monotonic()
        error = failure_of(call, s3_uri)
        assert time.monotonic() - start < 10
        assert f"the S3 endpoint {endpoint} cannot be reached: {matter}" in error.message
        assert "AWS_ENDPOINT_URL" in error.remedy


def test_a_server_that_never_answers_is_told_within_ten_seconds(s3_uri, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{mute.getsockname()[1]}")
        start = time.monotonic()
        assert "does not answer in time" in failure_of(PREFLIGHTS[0], s3_uri).message
        assert time.monotonic() - start < 10


def test_https_to_a_plain_server_is_told(s3_uri, s3_server, monkeypatch, impatient):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint.replace("http:", "https:"))
    for call in (*PREFLIGHTS, SEEKABLE[0]):
        assert "it speaks http, not https" in failure_of(call, s3_uri).message


@pytest.mark.parametrize(
    ("variable", "value", "match"),
    [
        ("AWS_SECRET_ACCESS_KEY", None, "credentials for S3 are missing: AWS_SECRET_ACCESS_KEY not set"),
        ("AWS_ACCESS_KEY_ID", "", "credentials for S3 are missing: AWS_ACCESS_KEY_ID not set"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:8333", "'127.0.0.1:8333', which is no address of a server"),
        ("AWS_CA_BUNDLE", "/nowhere.pem", "AWS_CA_BUNDLE names /nowhere.pem, which is no file"),
    ],
)
def test_an_environment_that_cannot_work_is_told_at_once(s3_uri, monkeypatch, variable, value, match):
    monkeypatch.delenv(variable, raising=False)
    if value is not None:
        monkeypatch.setenv(variable, value)
    for call in (*PREFLIGHTS, *SEEKABLE):
        start = time.monotonic()
        assert match in failure_of(call, s3_uri).message
        assert time.monotonic() - start < 0.5


def test_without_any_credentials_both_variables_are_named(s3_uri, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    message = failure_of(PREFLIGHTS[0], s3_uri).message
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY not set" in message


def test_no_secret_stands_in_messages_tracebacks_or_pickles(s3_uri, s3_env, monkeypatch, impatient, caplog):
    caplog.set_level("INFO")
    secrets_seen = [s3_env["AWS_SECRET_ACCESS_KEY"], s3_env["AWS_ACCESS_KEY_ID"], WRONG_SECRET, "doorkey"]
    store = Prefix(s3_uri)
    store.write("a", b"1")
    texts = [repr(store), repr(pickle.dumps(store)), repr(s3.open_bucket("bucket"))]
    for variable, value in (
        ("AWS_SECRET_ACCESS_KEY", WRONG_SECRET),
        ("AWS_ACCESS_KEY_ID", "nobodyknowsthiskey"),
        ("AWS_ENDPOINT_URL", "http://user:doorkey@127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "user:doorkey@127.0.0.1:9"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            for call in (*PREFLIGHTS, *SEEKABLE[: 2 if "127" not in value else 0]):
                with pytest.raises(RwscError) as caught:
                    call(s3_uri)
                texts += [repr(pickle.dumps(caught.value)), caught.value.message, caught.value.remedy]
                texts += traceback.format_exception(caught.value)
    for secret in secrets_seen:
        assert not [text for text in (*texts, caplog.text) if secret in text]


def test_a_server_that_restarts_is_waited_for(s3_uri, s3_server, quick_to_repeat):
    store = Prefix(s3_uri)
    store.write("before", b"1")
    s3_server.stop()
    starter = threading.Timer(1.0, s3_server.start)
    starter.start()
    try:
        store.write("during", b"2")
        assert store.read("before") == b"1"
        store.write("claim", b"3", overwrite=False)
    finally:
        starter.join()
    assert set(store.list_keys()) == {"before", "during", "claim"}


def test_a_file_being_written_outlives_a_restart(s3_uri, s3_server):
    with open_write(f"{s3_uri}/big") as file:
        file.write(b"1" * (20 * 2**20))
        s3_server.stop()
        starter = threading.Timer(0.5, s3_server.start)
        starter.start()
    starter.join()
    assert len(Prefix(s3_uri).read("big")) == 20 * 2**20


def test_a_forked_process_is_told_instead_of_hanging(s3_uri):
    Prefix(s3_uri).write("a", b"1")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            Prefix(s3_uri).read("a")
        except RwscError as error:
            os.write(writer, error.message.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert b"forked" in os.read(reader, 1000)
    os.close(reader)
    os.close(writer)


def test_another_environment_gets_another_client(s3_env, monkeypatch):
    first = s3.open_bucket("bucket")
    assert s3.open_bucket("bucket") is first
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRONG_SECRET)
    assert s3.open_bucket("bucket") is not first
