"""Run a command as a job of a Ray cluster, through Ray's own job client, and follow it from elsewhere."""

import asyncio
import logging
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rwsc.errors import ConfigError, ResourceError
from rwsc.runs.talk import say

INTERRUPTED = 130
EXIT_CODES = frozenset({0, 1, 2, INTERRUPTED})
"""What rwsc ends with; a job that ends with anything else was broken off, which counts as 1."""

LEFT_OUT = [".git", ".venv", "venv", "__pycache__", ".*_cache", ".env", ".aws", ".ssh", "rwsc-demo"]
"""What of a working directory is not sent: what is large or may be secret; nor what its .gitignore names."""

_SECONDS_BETWEEN_LOOKS = 1.0
_SHORTEST_SECRET = 4


def environment_of(names: Sequence[str]) -> dict[str, str]:
    """Look variables up in this process' environment.

    Args:
        names: Names alone.

    Returns:
        Value by name.

    Raises:
        ConfigError: One is not set, or came with a value, which a list of processes would show to all.
    """
    for name in names:
        bare, assigned, _ = name.partition("=")
        if assigned:
            raise ConfigError(
                f"--env {bare} came with a value",
                remedy=f"set {bare} in the environment and name it alone: --env {bare}",
            )
        if name not in os.environ:
            raise ConfigError(f"--env {name} is not set here", remedy=f"set {name}, or leave it out")
    return {name: os.environ[name] for name in names}


class RayJobs:
    """The jobs of one cluster."""

    def __init__(self, address: str | None) -> None:
        """Connect.

        Args:
            address: Where the cluster's dashboard or head is; None takes RAY_API_SERVER_ADDRESS or RAY_ADDRESS.

        Raises:
            ConfigError: No cluster is named. Left to itself, Ray would take any that runs on this machine.
            ResourceError: It does not answer.
        """
        named = address or os.environ.get("RAY_API_SERVER_ADDRESS") or os.environ.get("RAY_ADDRESS")
        if not named:
            raise ConfigError(
                "no Ray cluster is named", remedy="give --address http://HEAD:8265, or set RAY_ADDRESS"
            )
        # Ray lets the environment win over what its client is told.
        os.environ["RAY_API_SERVER_ADDRESS"] = named
        self._shown = re.sub(r"//[^/@]*@", "//", named)
        self._secrets: list[str] = [found[1] for found in re.finditer(r"//([^/@]*)@", named)]
        from ray.dashboard.modules import dashboard_sdk
        from ray.dashboard.modules.job import sdk

        for module in (dashboard_sdk, sdk):
            logging.getLogger(module.__name__).setLevel(logging.ERROR)
        with self._answering("check --address and RAY_ADDRESS, and that the cluster runs"):
            self._client = sdk.JobSubmissionClient()

    def submit(
        self,
        words: Sequence[str],
        *,
        working_dir: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Start a command of rwsc as a job; where a job of the very command runs, leave it at that.

        Args:
            words: Verb, options and arguments.
            working_dir: Folder, or address of an archive, that the job starts in a copy of.
            variables: Environment variables of the job. Ray keeps them in its table of jobs and in a log of its nodes.

        Returns:
            The job.

        Raises:
            ConfigError: There is no such folder.
            ResourceError: The cluster does not take the job.
        """
        if working_dir and "://" not in working_dir and not Path(working_dir).is_dir():
            raise ConfigError(f"--working-dir {working_dir} is no folder", remedy="name one, or leave it out")
        entrypoint = shlex.join(["python", "-m", "rwsc.cli.main", *words])
        if running := self._running(entrypoint):
            say(f"a job of this command runs already: {running}")
            return running
        self._secrets += (variables or {}).values()
        environment: dict[str, Any] = {"env_vars": dict(variables)} if variables else {}
        if working_dir:
            environment |= {"working_dir": working_dir, "excludes": LEFT_OUT}
        with self._answering(
            "see the log of the cluster's dashboard; a .gitignore keeps large things out of --working-dir"
        ):
            return str(self._client.submit_job(entrypoint=entrypoint, runtime_env=environment))

    def follow(self, job_id: str, write: Callable[[str], object]) -> int:
        """Wait for the end of a job, and pass its log on meanwhile, from its first line.

        Args:
            job_id: The job.
            write: Called with each piece of the log, in which Ray mixes stdout and stderr.

        Returns:
            The exit code of the command; 130 where the job was stopped.

        Raises:
            ResourceError: The cluster knows no such job, or does not answer any more.
        """
        self._details(job_id)
        try:
            asyncio.run(self._copy_log(job_id, write))
        except Exception as error:  # noqa: BLE001 - of a lost connection Ray tells by exceptions of many libraries
            say(f"the log of {job_id} broke off: {self._line(error)}; waiting for the job's end")
        while not (details := self._details(job_id)).status.is_terminal():
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return self._exit_code(details)

    def status(self, job_id: str) -> str:
        """Give the state of a job: PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED."""
        return str(self._details(job_id).status)

    def logs(self, job_id: str) -> str:
        """Give what a job has written so far."""
        with self._answering(f"rwsc submit --status {job_id} says what became of it"):
            return str(self._client.get_job_logs(job_id))

    def stop(self, job_id: str) -> str:
        """End a job and wait until it has ended.

        Args:
            job_id: The job.

        Returns:
            Its state then; that of before where it did not run any more.
        """
        with self._answering("the job's name is what rwsc submit printed"):
            self._client.stop_job(job_id)
        while not (details := self._details(job_id)).status.is_terminal():
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return str(details.status)

    async def _copy_log(self, job_id: str, write: Callable[[str], object]) -> None:
        async for text in self._client.tail_job_logs(job_id):
            write(text)

    def _running(self, entrypoint: str) -> str | None:
        with self._answering("check that the cluster's dashboard runs"):
            jobs = self._client.list_jobs()
        for job in jobs:
            if job.submission_id and job.entrypoint == entrypoint and not job.status.is_terminal():
                return str(job.submission_id)
        return None

    def _details(self, job_id: str) -> Any:  # noqa: ANN401 - Ray's JobDetails
        with self._answering(
            f"a job's name is what rwsc submit printed; one lost sight of may go on: rwsc submit --logs {job_id}"
        ):
            return self._client.get_job_info(job_id)

    def _exit_code(self, details: Any) -> int:  # noqa: ANN401 - Ray's JobDetails
        if str(details.status) == "STOPPED":
            return INTERRUPTED
        if details.driver_exit_code in EXIT_CODES:
            return int(details.driver_exit_code)
        if details.driver_exit_code is None:
            say(f"error: the job did not start or was lost: {self._line(details.message)}")
        else:
            say(f"error: the job ended with {details.driver_exit_code}, as a program that was broken off")
        return 1

    @contextmanager
    def _answering(self, remedy: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - Ray's client raises those of many libraries
            raise ResourceError(
                f"the Ray cluster at {self._shown}: {self._line(error)}", remedy=remedy
            ) from None

    def _line(self, error: object) -> str:
        """Give what an error comes to, without what was to be kept secret."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        line = lines[-1] if "Traceback" in lines[0] else lines[0]
        for secret in self._secrets:
            if len(secret) >= _SHORTEST_SECRET:
                line = line.replace(secret, "***")
        return line
