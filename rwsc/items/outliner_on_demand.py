"""The outliner where most scans may not need it: torch is imported at the first box, not before."""

from threading import Lock
from types import TracebackType
from typing import Self

import numpy as np

from rwsc.items.outliner_view import BBox, Outline


class OutlinerOnDemand:
    """Stands in for `rwsc.items.outliner.Outliner` and loads it at the first box; safe to use from threads.

    Until its block ends, torch works with one thread in this process: scans are worked on side by side, and
    threads of torch's own would only crowd them.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads_before: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads_before is not None:
            import torch

            torch.set_num_threads(self._threads_before)
            self._threads_before = None

    def outline(self, attenuation_HWC: np.ndarray, bbox_xywh: BBox) -> Outline:
        """Mark the item in a box; see `Outliner.outline`."""
        import torch

        from rwsc.items.outliner import default_outliner

        with self._lock:
            if self._threads_before is None:
                self._threads_before = torch.get_num_threads()
                torch.set_num_threads(1)
            outliner = default_outliner()
        return outliner.outline(attenuation_HWC, bbox_xywh)
