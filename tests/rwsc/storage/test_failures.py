import errno
import os

import pytest

from rwsc.errors import AccessDenied, ObjectMissing, StorageError
from rwsc.storage.failures import explain, explained, redacted, refuse_larger


@pytest.mark.parametrize(
    ("number", "matter"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the file system is read-only"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.ENOTDIR, "a file stands where a folder is expected"),
        (errno.EISDIR, "a folder stands where a file is expected"),
        (errno.EMFILE, "too many open files"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_a_disk_says_is_one_line_with_the_address(number, matter):
    error = explain(OSError(number, os.strerror(number), "/a/b"), "/a/b", action="write")
    assert isinstance(error, StorageError)
    assert error.message.startswith("cannot write /a/b: ")
    assert matter in error.message
    assert "\n" not in error.message


S3_ANSWER = (
    "Generic S3 error: Error performing PUT http://host/b/a in 1ms - Server returned non-2xx status code: "
    "{status}: <?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>text</Message>"
    "<AWSAccessKeyId>AKIAKEY</AWSAccessKeyId></Error>\n\nDebug source:\nretry_timeout: 5s"
)


class BaseError(Exception):
    """Stands for obstore's, whose package it names."""


BaseError.__module__ = "obstore.exceptions"


@pytest.mark.parametrize(
    ("status", "code", "matter", "remedy"),
    [
        ("403 Forbidden", "AccessDenied", "access is denied", "rights on the bucket"),
        ("403 Forbidden", "SomethingNew", "access is denied", "rights on the bucket"),
        ("403 Forbidden", "RequestTimeTooSkewed", "clock is wrong", "set the clock"),
        ("400 Bad Request", "ExpiredToken", "session token has expired", "fresh"),
        ("301 Moved", "PermanentRedirect", "in another region", "AWS_REGION"),
        ("500 Internal Server Error", "InternalError", "the server fails", "run again"),
        ("502 Bad Gateway", "SomethingNew", "the server fails", "run again"),
        ("503 Slow Down", "SlowDown", "too busy", "fewer workers"),
        ("507 Full", "SomethingNew", "the store is full", "free space"),
        ("404 Not Found", "SomethingNew", "answers 404", "AWS_ENDPOINT_URL"),
        ("418 Teapot", "SomethingNew", "the server answers 418", ""),
    ],
)
def test_what_a_server_answers_is_one_line_with_a_remedy(status, code, matter, remedy):
    raised = BaseError(S3_ANSWER.format(status=status, code=code))
    with pytest.raises(StorageError, match=matter) as caught, explained("s3://b/a", "write"):
        raise raised
    assert caught.value.message.startswith("cannot write s3://b/a: ")
    assert remedy in caught.value.remedy
    assert "\n" not in caught.value.message
    assert "AKIAKEY" not in caught.value.message
    assert caught.value.__suppress_context__


def test_words_in_an_address_are_no_matter():
    text = "Generic S3 error: Error performing GET http://h/b/certificate/dns error.png in 1ms - odd"
    assert "cannot be reached" not in explain(BaseError(text), "s3://b/x", action="read").message


def test_an_error_that_is_no_store_s_passes():
    with pytest.raises(ZeroDivisionError), explained("/a", "read"):
        raise ZeroDivisionError


def test_only_what_is_over_the_limit_is_too_large():
    refuse_larger("/a", 10**12, None)
    refuse_larger("/a", 5, 5)
    with pytest.raises(AccessDenied, match="/a has 1,234,567 bytes, over the limit of 5 ") as caught:
        refuse_larger("/a", 1_234_567, 5)
    assert "split it" in caught.value.remedy


def test_an_error_in_our_words_is_not_reworded():
    told = ObjectMissing("there is nothing at /a")
    with pytest.raises(ObjectMissing) as caught, explained("/b", "read"):
        raise told
    assert caught.value is told


def test_credentials_are_blotted_out(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "topsecretvalue")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "longtoken==")
    text = "topsecretvalue longtoken== http://user:pass@host/a?X-Amz-Signature=abc123&x=1"
    assert redacted(text) == "*** *** http://***@host/a?X-Amz-Signature=***&x=1"


@pytest.mark.parametrize(
    ("action", "remedy"), [("read", "give a folder"), ("list", "give a folder"), ("write", "move the file")]
)
def test_the_remedy_of_a_file_for_a_folder_is_another_for_who_reads_and_for_who_writes(action, remedy):
    raised = OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), "/a/b")
    error = explain(raised, "/a/b", action=action)
    assert "a file stands where a folder is expected" in error.message
    assert remedy in error.remedy
