"""``rwsc submit``."""

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rwsc.errors import ConfigError

if TYPE_CHECKING:
    from rwsc.runs.submit import RayJobs

VERBS = (
    ("sources", "index"),
    ("items", "build"),
    ("train",),
    ("synth",),
    ("verify",),
    ("evaluate", "tables"),
    ("bench",),
)
"""Those that take long."""


def submit(
    verb: Annotated[
        list[str] | None,
        typer.Argument(metavar="VERB", help="The command, as it would be typed after rwsc."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The cluster, as http://HEAD:8265; else RAY_API_SERVER_ADDRESS or RAY_ADDRESS.",
        ),
    ] = None,
    working_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Send this folder along and start in its copy; without .git and the like."
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Hand this environment variable on; may be repeated. Ray shows its value to all who reach the "
            "cluster and logs it there: no place for credentials.",
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow/--no-follow", help="Wait, print the job's log, and exit with the job's code."),
    ] = True,
    status: Annotated[str | None, typer.Option(metavar="JOB", help="Print the state of a job.")] = None,
    logs: Annotated[
        str | None,
        typer.Option(
            metavar="JOB",
            help="Follow a job that was submitted before; with --no-follow print its log so far.",
        ),
    ] = None,
    stop: Annotated[
        str | None, typer.Option(metavar="JOB", help="End a job; the same command takes its work up again.")
    ] = None,
) -> None:
    """Run a long command as a job of a Ray cluster, with Ray Jobs.

    Takes sources index, items build, train, synth, verify, evaluate tables and bench. Prints the log of the job, in
    which Ray mixes results and talk; with --no-follow the job's name. All addresses and paths are read on the cluster.
    Where the same command runs already, it is followed, not started twice. Ctrl-C ends the following, not the job.

    The job has the cluster's own environment. Credentials belong there, or in the roles of its machines.
    """
    asked = [value for value in (status, logs, stop) if value is not None]
    if len(asked) + bool(verb) != 1:
        raise ConfigError(
            "rwsc submit does one thing at a time",
            remedy="give -- VERB ..., or one of --status, --logs and --stop",
        )
    words = list(verb or ())
    if words:
        _check(words)
    from rwsc.runs.submit import RayJobs, environment_of

    variables = environment_of(env or ())
    jobs = RayJobs(address)
    if status is not None:
        sys.stdout.write(jobs.status(status) + "\n")
    elif stop is not None:
        sys.stdout.write(jobs.stop(stop) + "\n")
    elif logs is not None:
        _show(jobs, logs, follow=follow)
    else:
        _warn(words, working_dir, list(variables))
        job_id = jobs.submit(words, working_dir=working_dir, variables=variables)
        if follow:
            _show(jobs, job_id, follow=True)
        else:
            sys.stdout.write(job_id + "\n")


def _check(words: Sequence[str]) -> None:
    if not any(tuple(words[: len(verb)]) == verb for verb in VERBS):
        raise ConfigError(
            f"rwsc submit does not take {' '.join(words[:2])!r}",
            remedy=f"it takes {', '.join(' '.join(verb) for verb in VERBS)}",
        )
    for output in _outputs(words):
        if "://" not in output and not Path(output).is_absolute():
            raise ConfigError(
                f"-o {output} is relative: on the cluster it would lie in a folder that Ray deletes",
                remedy="give an address in S3, or a full path that all machines of the cluster share",
            )


def _outputs(words: Sequence[str]) -> Iterator[str]:
    for before, word in pairwise(words):
        if before in {"-o", "--output"}:
            yield word
        elif word.startswith("--output="):
            yield word.removeprefix("--output=")
        elif word.startswith("-o") and word != "-o":
            yield word.removeprefix("-o")


def _warn(words: Sequence[str], working_dir: str | None, names: Sequence[str]) -> None:
    from rwsc.runs.talk import say

    local = [
        word
        for word in words[1:]
        if "://" not in word and _is_here(word) and (Path(word).is_absolute() or not working_dir)
    ]
    if local:
        say(f"warning: paths are read on the cluster, not here: {', '.join(local)}")
    if names:
        say(
            f"warning: Ray shows {', '.join(names)} to all who reach the cluster, and writes it to its machines' logs; "
            "for credentials use the cluster's own environment or its machines' roles"
        )


def _is_here(word: str) -> bool:
    try:
        return Path(word).exists()
    except OSError:
        return False


def _show(jobs: "RayJobs", job_id: str, *, follow: bool) -> None:
    from rwsc.runs.talk import say

    if not follow:
        sys.stdout.write(jobs.logs(job_id))
        return
    say(f"following {job_id}; Ctrl-C leaves it running")
    try:
        code = jobs.follow(job_id, _write)
    except KeyboardInterrupt:
        say(f"{job_id} goes on; rwsc submit --logs {job_id} follows it, --stop {job_id} ends it")
        raise typer.Exit(130) from None
    raise typer.Exit(code)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
