import json
from datetime import datetime

import pytest

from rwsc.runs.talk import Progress, duration, say


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


def test_a_line_is_plain_text_or_one_json_object(capsys, monkeypatch):
    say("warning: 2 \u202egone\ntry: again", scan="a")
    assert capsys.readouterr().err == "warning: 2 \u202egone\ntry: again\n"
    monkeypatch.setenv("RWSC_LOG", "json")
    say("warning: 2 \u202egone\ntry: again", scan="a")
    say("7 planned: 6 made")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert datetime.fromisoformat(first.pop("time")).tzinfo is not None
    assert first == {"level": "warning", "message": "2 \u202egone\ntry: again", "scan": "a"}
    assert (second["level"], second["message"]) == ("info", "7 planned: 6 made")


def test_progress_says_its_figures_to_people_and_programs(capsys, monkeypatch):
    progress = Progress(100, noun="images", done=50)
    progress.done = 75
    progress.say(rejected=1, failed=2)
    assert capsys.readouterr().err.endswith("left · rejected 1 · failed 2\n")
    monkeypatch.setenv("RWSC_LOG", "json")
    progress.say(rejected=1, failed=2)
    line = json.loads(capsys.readouterr().err)
    assert {"noun": "images", "done": 75, "total": 100, "rejected": 1, "failed": 2}.items() <= line.items()
    assert line["per_second"] > 0
    assert line["seconds_left"] >= 0
