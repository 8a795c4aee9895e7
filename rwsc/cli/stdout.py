"""stdout is kept for data, whoever else would print there."""

import sys
from typing import TextIO


def keep_for_data() -> TextIO:
    """Give the stream for a command's result; whatever else prints from now on goes to stderr.

    It stays so to the end of the process: threads of Ray print of a lost worker when it pleases them, also after
    the work that they belong to.
    """
    stream, sys.stdout = sys.stdout, sys.stderr
    return stream
