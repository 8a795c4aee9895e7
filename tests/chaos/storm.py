"""A storm over a run of rwsc synth: processes are killed and the storage fails, at moments drawn from a seed."""

import random
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.processes import kill, ray_workers, rwsc, title_of

from rwsc.corpus.commit import committed_shards
from rwsc.errors import RwscError
from rwsc.storage.prefix import Prefix

WORKER = "MapWorker"
KILLS = ("worker", "raylet", "driver", "worker", "actor")
"""What is killed, in turn: a worker that makes a shard, the second node's raylet, the driver, any other actor of Ray."""

LONGEST_ATTEMPT_S = 400.0
_LONGEST_WAIT_S = 240.0


@dataclass(kw_only=True)
class Storm:
    """One corpus, the command that makes it, and what happens to it.

    Attributes:
        corpus: What is made.
        arguments: Those of `rwsc`.
        cluster: Where it is made, see `chaos.two_nodes`.
        outage: Stops the storage, waits, and starts it again.
        folder: Working folder of the command.
        hits: What was hit, by kind.
        in_the_middle: Hits after which a shard was there in part.
        ends: Attempts by exit code.
    """

    corpus: Prefix
    arguments: list
    cluster: object
    outage: object
    folder: Path
    seed: int
    hits: Counter = field(default_factory=Counter)
    in_the_middle: int = 0
    ends: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self._random = random.Random(self.seed)
        self._started = time.monotonic()
        self._driver = None
        self._attempt_started = 0.0

    def rage(self, *, kills, outages, longest_calm_s=2.5, longest_outage_s=6.0):
        """Let so many kills and outages happen, in a drawn order, each while images are being made."""
        self._say(f"seed {self.seed}: {kills} kills and {outages} outages")
        self._longest_outage_s = longest_outage_s
        events = [KILLS[number % len(KILLS)] for number in range(kills)] + ["outage"] * outages
        self._random.shuffle(events)
        for number, event in enumerate(events):
            self._wait_for_making()
            time.sleep(self._random.uniform(0.2, longest_calm_s))
            # Every other one for certain while a shard is there in part.
            self._wait_for_making(in_the_middle=number % 2 == 0)
            self.hits[event] += 1
            self._say(f"{self.hits.total()}/{len(events)} {event}: {getattr(self, f'_hit_{event}')()}")

    def calm_down(self, *, most_attempts=6):
        """Run the command again until it ends well."""
        for _ in range(most_attempts):
            if self._driver is None:
                self._start()
            if self._finish() == 0:
                return
            self._driver = None
        raise AssertionError(f"no end after {most_attempts} attempts without a storm {self}")

    def close(self):
        if self._driver is not None and self._driver.poll() is None:
            kill(self._driver.pid)

    def __str__(self):
        return f"(seed {self.seed}; {dict(self.hits)}; ends {dict(self.ends)})"

    def _start(self):
        self._driver = rwsc(*self.arguments, address=self.cluster.address, cwd=self.folder)
        self._attempt_started = time.monotonic()
        self._say(f"attempt {self.ends.total() + 1}: driver {self._driver.pid}")

    def _finish(self):
        """Wait for the attempt's end, which is good or one clear line; give its exit code."""
        left = LONGEST_ATTEMPT_S - (time.monotonic() - self._attempt_started)
        _, err = self._driver.communicate(timeout=max(1.0, left))
        code = self._driver.returncode
        self.ends[code] += 1
        told = [line for line in err.splitlines() if line.startswith("error: ")]
        self._say(f"the attempt ended with {code}{': ' if told else ''}{' '.join(told)[:200]}")
        assert code in (0, 2), f"ended with {code} {self}:\n{err[-3000:]}"
        assert "Traceback" not in err, f"a traceback {self}:\n{err[-3000:]}"
        assert (code == 2) == any(line.startswith("error: ") for line in err.splitlines()), err[-3000:]
        return code

    def _wait_for_making(self, *, in_the_middle=False):
        """Wait until a worker makes a shard, with the command started again wherever it ended."""
        end = time.monotonic() + _LONGEST_WAIT_S
        while time.monotonic() < end:
            if self._driver is None:
                self._start()
            elif self._driver.poll() is not None:
                assert self._finish() != 0, f"the corpus was done before the storm was over {self}"
                self._driver = None
            elif _busy_workers() and (not in_the_middle or shards_done_and_partly(self.corpus)[1]):
                return
            time.sleep(0.1)
        raise AssertionError(f"nothing is made {self}")

    def _hit_worker(self):
        victim = self._random.choice(sorted(_busy_workers() or ray_workers(WORKER)))
        title = title_of(victim)
        kill(victim)
        return f"pid {victim} ({title}){self._trace()}"

    def _hit_actor(self):
        others = sorted(ray_workers("") - ray_workers(WORKER))
        victim = self._random.choice([pid for pid in others if "Agent" not in title_of(pid)])
        title = title_of(victim)
        kill(victim)
        return f"pid {victim} ({title}){self._trace()}"

    def _hit_driver(self):
        assert self._driver.poll() is None, f"the driver was dead already {self}"
        kill(self._driver.pid)
        self._driver.communicate()
        self.ends[self._driver.returncode] += 1
        pid, self._driver = self._driver.pid, None
        return f"pid {pid}{self._trace()}"

    def _hit_raylet(self):
        workers = len(ray_workers(WORKER))
        pid = self.cluster.kill_raylet()
        trace = self._trace()
        pause_s = self._random.uniform(0.0, 3.0)
        time.sleep(pause_s)
        self.cluster.add_second()
        return f"pid {pid}, {workers} workers before, back after {pause_s:.1f} s{trace}"

    def _hit_outage(self):
        pause_s = self._random.uniform(1.0, self._longest_outage_s)
        self.outage(pause_s)
        return f"{pause_s:.1f} s{self._trace()}"

    def _trace(self):
        """Look at what the hit left."""
        done, partly = shards_done_and_partly(self.corpus)
        self.in_the_middle += bool(partly)
        return f"; {done} shards done, {partly} there in part"

    def _say(self, text):
        print(f"chaos {time.monotonic() - self._started:6.1f} s  {text}", file=sys.stderr, flush=True)


def shards_done_and_partly(corpus):
    """Count the shards that are committed, and those that have images but no marker."""
    with suppress(RwscError):
        begun = {key.split("/")[1] for key in corpus.list_keys("images")}
        done = committed_shards(corpus)
        return len(done), len(begun - done)
    return 0, 0


def _busy_workers():
    # A worker at work shows the method behind its name.
    return {pid for pid in ray_workers(WORKER) if title_of(pid).endswith(".submit")}
