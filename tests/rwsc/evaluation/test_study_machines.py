import pytest

from rwsc.evaluation.study_machines import group_machines, machine_limits, machine_line, trained_on

BOX = {"cpu": "a CPU", "cores": 2, "gpu": None, "torch": "2", "rwsc": "0"}
SERVER = {**BOX, "cpu": "a server's CPU", "gpu": "a GPU"}


def on_cpu(date="2026-11-23", **changes):
    return {"device": "cpu", **BOX, "date": date, **changes}


def on_gpu(date="2026-11-23", **changes):
    return {"device": "cuda", **SERVER, "date": date, **changes}


def test_runs_are_counted_by_machine_and_those_without_a_record_come_last():
    groups = group_machines([None, on_cpu("2026-11-24"), on_gpu(), None, on_cpu(), on_cpu()])
    assert [(group.runs, group.name) for group in groups] == [
        (3, "a CPU"),
        (1, "a GPU"),
        (2, "hardware that was not recorded"),
    ]
    assert [group.dates for group in groups] == [["2026-11-23", "2026-11-24"], ["2026-11-23"], []]


def test_a_run_on_the_cpu_of_a_machine_with_a_gpu_was_trained_on_the_cpu():
    groups = group_machines([on_cpu(cpu="a server's CPU", gpu="a GPU")])
    assert trained_on(groups) == " on a server's CPU"
    assert "All runs were trained on a CPU" in machine_limits(groups)[0]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], ""),
        ([None], " on hardware that was not recorded"),
        ([on_gpu(), on_gpu("2026-11-24")], " on a GPU"),
        ([on_gpu(), on_gpu(torch="3")], " on a GPU"),
        ([on_gpu(gpu=None)], " on an unknown GPU"),
        ([on_gpu(), on_cpu(), on_gpu()], " on a GPU (2 runs) and a CPU (1 run)"),
    ],
)
def test_the_processor_that_trained_is_named(found, said):
    assert trained_on(group_machines(found)) == said


def test_a_cpu_limits_its_own_runs_and_what_is_not_recorded_is_said_of_its_own_runs():
    assert machine_limits(group_machines([on_gpu(), on_gpu()])) == []
    assert machine_limits(group_machines([on_cpu()]))[0].startswith("All runs were trained on a CPU")
    cpu, unknown = machine_limits(group_machines([on_gpu(), on_cpu(), None, None]))
    assert cpu.startswith("1 of 4 runs were trained on a CPU")
    assert unknown.startswith("Machine and date of training are not recorded for 2 of 4 runs")


def test_every_machine_is_listed_with_its_runs_and_days():
    line = machine_line(group_machines([on_cpu("2026-11-24"), on_cpu(), on_gpu(), None]))
    assert line == (
        "2 runs: cores 2, cpu a CPU, device cpu, rwsc 0, torch 2, date 2026-11-23 to 2026-11-24;"
        " 1 run: cores 2, cpu a server's CPU, device cuda, gpu a GPU, rwsc 0, torch 2, date 2026-11-23;"
        " 1 run: machine and date not recorded"
    )
    assert machine_line([]) == "no run is measured yet"


def test_a_record_with_anything_in_it_is_shown():
    assert "device" not in machine_line(group_machines([{"odd": ["x", 1]}]))
