from rwsc.runs.metrics_log import MetricsLog, read_metrics
from rwsc.storage.prefix import Prefix


def write(run, first_step, steps):
    log = MetricsLog(run, first_step=first_step)
    for step in steps:
        log.add(step, {"total": 1.0 / step})
    log.close()


def test_lines_read_back(store_uri):
    run = Prefix(store_uri)
    assert read_metrics(run) == []
    write(run, 0, [2, 4])
    assert read_metrics(run) == [{"step": 2, "total": 0.5}, {"step": 4, "total": 0.25}]


def test_what_a_lost_attempt_wrote_after_its_checkpoint_is_dropped(tmp_path):
    run = Prefix(str(tmp_path))
    write(run, 0, [2, 4, 6])
    write(run, 4, [6, 8])
    assert [line["step"] for line in read_metrics(run)] == [2, 4, 6, 8]


def test_every_attempt_leaves_one_event_file(tmp_path):
    run = Prefix(str(tmp_path))
    write(run, 0, [2, 4])
    write(run, 4, [6])
    keys = sorted(run.list_keys("tensorboard"))
    assert keys == [f"tensorboard/events.out.tfevents.{step:010d}.rwsc" for step in (0, 4)]
    assert [run.read(key).count(b"total") for key in keys] == [2, 1]
