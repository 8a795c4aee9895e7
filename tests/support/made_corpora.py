"""Corpora made in this process, without a cluster."""

import hashlib
from dataclasses import asdict

from rwsc.corpus.claim import claim_corpus, extended
from rwsc.corpus.summary import forget_totals, sum_up
from rwsc.runs.claimed import settle_plan
from rwsc.runs.shard_worker import ShardWorker
from rwsc.runs.synth_inputs import read_inputs
from rwsc.storage.prefix import Prefix


def make_here(config, *, extend=None, retry_failed=False, num_shards=None, threads=1):
    """Make a corpus, or what it lacks, as `synthesize` does; give the ids of the images that were made now.

    With `num_shards`, stop after so many shards, as if killed.
    """
    corpus = Prefix(config.output)
    if extend is not None:
        config = extended(corpus, config, extend)
    inputs = read_inputs(config)
    claim_corpus(corpus, inputs.card, may_grow=extend is not None)
    plan = settle_plan(corpus, config, inputs.bags)
    forget_totals(corpus)
    worker = ShardWorker(
        config.model_dump(), asdict(inputs.facts), "cpu", retry_failed=retry_failed, threads=threads
    )
    shards = plan.shards()
    rows = [row for shard in shards[:num_shards] for row in worker.make_shard(shard.shard_id, shard.number)]
    if num_shards is None:
        sum_up(corpus, shards, inputs.labels, {"fingerprint": inputs.facts.config_fingerprint})
    return [row["image_id"] for row in rows]


def files_of(uri):
    """Every file of a corpus by name, without the report, which tells how long it took."""
    corpus = Prefix(uri)
    return {
        key: hashlib.sha256(corpus.read(key)).hexdigest()
        for key in corpus.list_keys()
        if key != "report.json"
    }
