"""Which shards of a plan are still to be made."""

from collections.abc import Sequence

from rwsc.corpus.commit import committed_shards, read_marker
from rwsc.corpus.plan_store import PlannedShard
from rwsc.sources.parallel import map_in_order
from rwsc.storage.prefix import Prefix

_MARKERS_AT_ONCE = 32


def shards_to_make(
    corpus: Prefix,
    shards: Sequence[PlannedShard],
    *,
    shard_images: int,
    images_before: int,
    retry_failed: bool,
) -> list[PlannedShard]:
    """List the shards that are to be made, each with the number of its images that are.

    Args:
        corpus: The corpus.
        shards: All shards of its plan.
        shard_images: Images of every shard but the last.
        images_before: Images that the corpus had planned before; fewer than the plan has where it grows.
        retry_failed: Make images again that failed.

    Returns:
        Shards in the order of the plan.
    """
    done = committed_shards(corpus)
    todo = [shard for shard in shards if shard.shard_id not in done]
    if images_before < sum(shard.num_images for shard in shards):
        # The last shard of the smaller corpus may have room.
        last = shards[(images_before - 1) // shard_images]
        has = images_before - last.number * shard_images
        if last.shard_id in done and has < last.num_images:
            todo.append(last._replace(num_images=last.num_images - has))
    if retry_failed:
        named = {shard.shard_id for shard in todo}
        todo += _with_failed(corpus, [shard for shard in shards if shard.shard_id in done - named])
    return sorted(todo, key=lambda shard: shard.number)


def _with_failed(corpus: Prefix, shards: list[PlannedShard]) -> list[PlannedShard]:
    markers = map_in_order(
        lambda shard: read_marker(corpus, shard.shard_id), shards, max_workers=_MARKERS_AT_ONCE
    )
    failed = [(shard, marker["status"]["failed"]) for shard, marker in zip(shards, markers, strict=True)]
    return [shard._replace(num_images=number) for shard, number in failed if number]
