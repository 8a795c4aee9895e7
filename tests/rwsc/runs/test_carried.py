import numpy as np
import pytest

from rwsc.errors import AccessDenied, StorageError
from rwsc.runs.carried import error_columns, raise_carried


def test_an_error_comes_out_as_it_went_in():
    columns = error_columns([None, AccessDenied("no, says the bucket", remedy="ask for the key"), None])
    assert all(len(column) == 3 for column in columns.values())
    with pytest.raises(AccessDenied) as caught:
        raise_carried({"part": np.arange(3), **columns})
    assert (caught.value.message, caught.value.remedy) == ("no, says the bucket", "ask for the key")


def test_the_first_of_several_is_raised_and_none_where_all_went_well():
    raise_carried(error_columns([None, None]))
    with pytest.raises(StorageError, match="first"):
        raise_carried(error_columns([StorageError("first"), AccessDenied("second")]))
