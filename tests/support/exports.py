"""Finished corpora for exports, made without a cluster."""

from itertools import groupby

from rwsc.config import output_values
from rwsc.corpus.bag_items import items_by_scan, with_bag_items
from rwsc.corpus.commit import commit_shard, committed_shards, read_rows
from rwsc.corpus.exports.settings import ExportConfig
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.manifest import RunFacts, to_row
from rwsc.corpus.plan import build_plan, planned_images
from rwsc.corpus.plan_store import PlannedShard
from rwsc.corpus.summary import sum_up
from rwsc.corpus.usable_bags import usable_bags
from rwsc.fusion.engines import open_classic
from rwsc.items.bank import ItemBank
from rwsc.runs.claimed import asked_plan
from rwsc.runs.export import export_corpus
from rwsc.sources.catalogue import read_catalogue
from rwsc.storage.prefix import Prefix, read_uri
from rwsc.storage.run_card import claim_run

FACTS = RunFacts(engine="tip", weights_sha256="", config_fingerprint="f", code_version="0")


def write_corpus(config, *, change=lambda row: row):
    """Make a corpus in this process, each row changed before it is committed."""
    corpus, bank = Prefix(config.output), ItemBank.load(config.items)
    settings = {**output_values(config), "num_images": config.num_images}
    claim_run(corpus, {"kind": "synth", "fingerprint": "f", "settings": settings})
    bags = usable_bags(read_catalogue(config.bags), config.bag_kinds, None)
    bags = with_bag_items(bags, items_by_scan(config.items))
    plan = build_plan(bags, asked_plan(config))
    maker = ImageMaker(config, bank, open_classic(config.engine, config.fusion))
    shards = []
    for shard, planned in groupby(planned_images(plan), key=lambda image: image.shard_id):
        rows = []
        for image in planned:
            made = maker.make([image], [read_uri(image.scan_uri)])[0]
            if made.data is not None:
                corpus.write(made.outcome.image_key, made.data)
            rows.append(change(to_row(image, made.outcome, FACTS)))
        commit_shard(corpus, shard, rows)
        shards.append(PlannedShard(shard, len(rows), len(shards)))
    labels = {thing["label"] for row in rows_of(corpus) for thing in [*row["objects"], *row["bag_objects"]]}
    sum_up(corpus, shards, sorted(labels | {item.label for item in bank.items}), {})
    return corpus


def rows_of(corpus):
    """Every row of a corpus, in the order of exports."""
    return [row for shard in sorted(committed_shards(corpus)) for row in read_rows(corpus, shard)]


def made_of(corpus):
    """Made rows by image id."""
    return {row["image_id"]: row for row in rows_of(corpus) if row["status"] == "made"}


def export_to(corpus, output, format, **changes):
    """Export a corpus and give the folder of the result."""
    export_corpus(ExportConfig(format=format, corpus=corpus.uri, output=str(output), **changes))
    return Prefix(str(output))
