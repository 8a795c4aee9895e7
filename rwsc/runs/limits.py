"""What a user bears of a run before it is ended."""

import math
from dataclasses import dataclass

from rwsc.corpus.drift import Drift
from rwsc.errors import ConfigError, RwscError


class RunStopped(RwscError):  # noqa: N818 - names what is the matter
    """A run was ended since it goes wrong; shards that were finished stay."""


class TooManyFailed(RunStopped):
    """More images failed than the user bears."""


class TooFarFromBags(RunStopped):
    """Images drifted further from their bags than the user bears."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLimits:
    """What a user bears of a run; None bears all.

    Raises:
        ConfigError: A drift that is no number.
    """

    most_failed: int | None
    """Images that may fail."""

    max_drift: float | None
    """How far images may drift from their bags, in nepers."""

    def __post_init__(self) -> None:
        if self.max_drift is not None and not math.isfinite(self.max_drift):
            raise ConfigError(f"--max-drift {self.max_drift} is no number of nepers", remedy="0.15 is much")

    def check_failed(self, number: int, corpus_uri: str) -> None:
        """End the run where too many images have failed.

        Args:
            number: Images that have failed in it.
            corpus_uri: Where what is finished stays.

        Raises:
            TooManyFailed: They are more than the user bears.
        """
        if self.most_failed is not None and number > self.most_failed:
            raise TooManyFailed(
                f"{number:,} images failed, more than the {self.most_failed:,} that --max-failed bears; "
                f"finished shards stay in {corpus_uri}",
                remedy="mend what their manifest rows name as reason, and run the same command with --retry-failed",
            )

    def check_drift(self, too_far: Drift | None, corpus_uri: str) -> None:
        """End the run where its images have drifted too far.

        Args:
            too_far: What `rwsc.corpus.drift_watch.DriftWatch` found to be too far, if anything.
            corpus_uri: Where what is finished stays.

        Raises:
            TooFarFromBags: It found something.
        """
        if too_far is None or too_far.nepers is None:
            return
        yardstick = too_far.between_bags_nepers
        halves = "" if yardstick is None else f" (one half of these bags is {yardstick:.3f} from the other)"
        raise TooFarFromBags(
            f"the attenuation in images is {too_far.nepers:.3f} nepers from that in their bags, more than the "
            f"{self.max_drift:g} that --max-drift bears, by {too_far.num_images:,} images{halves}; "
            f"finished shards stay in {corpus_uri}",
            remedy="rwsc report shows how they differ; put in fewer or smaller items, choose another engine, "
            "or bear more",
        )
