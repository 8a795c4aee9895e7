import pickle

import pytest

from rwsc.errors import ObjectMissing, RwscError, StorageError


def test_an_error_holds_its_remedy_and_reads_as_its_message():
    error = StorageError("no bucket b", remedy="make it")
    assert (str(error), error.remedy) == ("no bucket b", "make it")


@pytest.mark.parametrize("kind", [RwscError, ObjectMissing])
def test_kind_message_and_remedy_cross_a_process_border(kind):
    back = pickle.loads(pickle.dumps(kind("what", remedy="do")))
    assert (type(back), back.message, back.remedy) == (kind, "what", "do")
