import pytest

from rwsc.errors import AccessDenied, ObjectMissing, SourceError, StorageError
from rwsc.sources.outages import is_outage


@pytest.mark.parametrize("kind", [StorageError, ObjectMissing])
def test_a_bucket_that_fails_is_an_outage_and_a_disk_is_not(kind):
    assert is_outage(kind("down"), "s3://bucket/a.json")
    assert not is_outage(kind("down"), "/data/a.json")
    assert not is_outage(kind("down"), None)


@pytest.mark.parametrize("kind", [AccessDenied, SourceError, ValueError])
def test_what_is_wrong_with_one_file_is_no_outage(kind):
    assert not is_outage(kind("this file"), "s3://bucket/a.json")
