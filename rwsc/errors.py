"""Errors a user can act on: a message that holds the offending value, and a remedy."""


class RwscError(Exception):
    """Something the user can mend.

    The command line prints ``error: <message>`` and ``try: <remedy>`` and exits with code 2; inside a batch
    the message becomes the `reason` of a row.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Make an error.

        Args:
            message: One line that names the offending value.
            remedy: One line that says what to do about it.
        """
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the remedy when the error crosses a process border."""
        return (_rebuild, (type(self), self.message, self.remedy))


def _rebuild(kind: type[RwscError], message: str, remedy: str) -> RwscError:
    return kind(message, remedy=remedy)


class ConfigError(RwscError):
    """A setting is unknown, of the wrong type, out of range or at odds with another."""


class StorageError(RwscError):
    """A store refused, failed or could not be reached."""


class ObjectMissing(StorageError):  # noqa: N818 - names what is the matter
    """Nothing is stored under the address."""


class ObjectExists(StorageError):  # noqa: N818
    """Something is stored under the address, and overwriting it was not asked for."""


class AccessDenied(StorageError):  # noqa: N818
    """What is stored under the address may not be read or written."""


class UnreadableImage(RwscError):  # noqa: N818
    """Bytes that are no image, a damaged one, or one over the limits."""


class SourceError(RwscError):
    """A scan archive, annotation file, catalogue or item bank cannot be used as it is."""


class WeightsError(RwscError):
    """Fusion weights do not fit the network or their card."""


class RunMismatch(RwscError):  # noqa: N818
    """A run folder belongs to other settings or other inputs."""


class ResourceError(RwscError):
    """The machine or cluster cannot hold the workers that were asked for."""
