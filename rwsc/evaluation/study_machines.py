"""What the runs of a study were trained on and when, run by run: a study may go on elsewhere, or be shown elsewhere."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NOT_RECORDED = "not recorded"

_TREND = "how far a network gets that is trained for long on a GPU, they do not show."


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineRuns:
    """Runs that were trained on one machine."""

    runs: int
    """How many of those that are measured."""

    machine: Mapping[str, Any] | None
    """``device`` (cpu or cuda), and what `rwsc.runs.machine.describe_machine` tells; None where it was not recorded."""

    dates: Sequence[str]
    """Days on which they were done, in order; empty where that was not recorded."""

    @property
    def is_on_cpu(self) -> bool:
        """Whether it is known that they were trained on a CPU."""
        return self.machine is not None and self.machine.get("device") == "cpu"

    @property
    def name(self) -> str:
        """The processor that trained."""
        if self.machine is None:
            return f"hardware that was {NOT_RECORDED}"
        if self.is_on_cpu:
            return str(self.machine.get("cpu") or "an unknown CPU")
        return str(self.machine.get("gpu") or "an unknown GPU")


def group_machines(found: Iterable[Mapping[str, Any] | None]) -> list[MachineRuns]:
    """Count runs by machine.

    Args:
        found: For each measured run its machine with the ``date`` of its training; None where there is no record.

    Returns:
        Distinct machines as they come; at the end, if any, the runs without a record.
    """
    groups: dict[str, tuple[Mapping[str, Any] | None, list[str]]] = {}
    for each in sorted(found, key=lambda machine: machine is None):
        machine = None if each is None else {name: each[name] for name in sorted(each) if name != "date"}
        dates = groups.setdefault(json.dumps(machine), (machine, []))[1]
        dates.append("" if each is None else str(each.get("date") or ""))
    return [
        MachineRuns(runs=len(dates), machine=machine, dates=sorted({date for date in dates if date}))
        for machine, dates in groups.values()
    ]


def trained_on(groups: Sequence[MachineRuns]) -> str:
    """Name what runs were trained on, in a sentence that begins before it; empty while none is measured."""
    by_name: dict[str, int] = {}
    for group in groups:
        by_name[group.name] = by_name.get(group.name, 0) + group.runs
    if len(by_name) < 2:
        return "".join(f" on {name}" for name in by_name)
    return " on " + " and ".join(f"{name} ({_runs(count)})" for name, count in by_name.items())


def machine_limits(groups: Sequence[MachineRuns]) -> list[str]:
    """Say what the hardware leaves open: short runs on a CPU, and runs of which it is not known.

    Args:
        groups: See `group_machines`.

    Returns:
        Sentences, which may be none.
    """
    measured = sum(group.runs for group in groups)
    on_cpu = sum(group.runs for group in groups if group.is_on_cpu)
    unknown = sum(group.runs for group in groups if group.machine is None)
    said = []
    if on_cpu:
        some = "All runs" if on_cpu == measured else f"{on_cpu} of {measured} runs"
        said.append(f"{some} were trained on a CPU: {_TREND}")
    if unknown:
        said.append(
            f"Machine and date of training are {NOT_RECORDED} for {unknown} of {measured} runs. If that was a CPU,"
            f" {_TREND}"
        )
    return said


def machine_line(groups: Sequence[MachineRuns]) -> str:
    """List all machines with what is known of them, how many runs each, and when."""
    return "; ".join(_line(group) for group in groups) or "no run is measured yet"


def _line(group: MachineRuns) -> str:
    if group.machine is None:
        return f"{_runs(group.runs)}: machine and date {NOT_RECORDED}"
    parts = [f"{name} {value}" for name, value in group.machine.items() if value is not None]
    if group.dates:
        parts.append("date " + " to ".join(dict.fromkeys((group.dates[0], group.dates[-1]))))
    return f"{_runs(group.runs)}: {', '.join(parts)}"


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"
