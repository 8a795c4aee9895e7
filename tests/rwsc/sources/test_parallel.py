import threading
import time

import pytest

from rwsc.sources.parallel import map_in_order


def test_results_come_in_the_order_of_the_things_whatever_finishes_first():
    def work(number):
        time.sleep(0.01 * (number % 3 == 0))
        return number * number

    assert list(map_in_order(work, range(20), max_workers=4)) == [n * n for n in range(20)]


def test_no_more_is_taken_ahead_than_two_per_thread():
    taken = []

    def things():
        for number in range(100):
            taken.append(number)
            yield number

    results = map_in_order(lambda n: n, things(), max_workers=2)
    assert next(results) == 0
    assert len(taken) <= 2 * 2 + 1
    results.close()


def test_an_exception_reaches_the_caller_and_the_threads_end():
    before = threading.active_count()
    with pytest.raises(KeyError, match="3"):
        list(map_in_order(lambda n: {0: 0, 1: 1, 2: 2}[n], range(10), max_workers=2))
    assert threading.active_count() == before
