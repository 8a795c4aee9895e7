import pytest

from rwsc.runs.talk import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (-3, "0 s")]
)
def test_durations_read_short(seconds, text):
    assert duration(seconds) == text


def test_the_rate_counts_this_run_only():
    progress = Progress(100, noun="images", done=50)
    assert progress.rate == 0
    progress.done = 75
    assert progress.rate > 0
    assert progress.line("failed 0").startswith("75/100 images · ")
    assert progress.line("failed 0").endswith("left · failed 0")
