"""What workers count for Prometheus, which finds it at Ray's own metrics endpoint, each name after ``ray_``."""

from collections.abc import Mapping

SECONDS = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000]
"""Upper ends of a histogram's buckets, two to a power of ten. Sums are rough: Ray adds the middles of buckets."""


class ShardMetrics:
    """Counts the images of shards by what became of them, and how long they took."""

    def __init__(self) -> None:
        """Register with Ray."""
        from ray.util.metrics import Counter, Histogram

        self._images = Counter("rwsc_images", "Planned images that were worked on.", ("status",))
        self._shard_seconds = Histogram("rwsc_shard_seconds", "Seconds that a shard took.", SECONDS)
        self._image_seconds = Histogram(
            "rwsc_image_seconds", "Seconds per image, mean of those of a shard.", SECONDS
        )

    def add(self, counts: Mapping[str, int], *, seconds: float) -> None:
        """Count a shard.

        Args:
            counts: Images by status; a shard that was finished before has none and is not counted.
            seconds: How long it took.
        """
        number = sum(counts.values())
        if not number:
            return
        for status, images in counts.items():
            if images:
                self._images.inc(images, tags={"status": status})
        self._shard_seconds.observe(seconds)
        self._image_seconds.observe(seconds / number)
