"""Images of each role with their rows, made in this process."""

from dataclasses import replace

import numpy as np

from rwsc.corpus.controls import ControlsConfig
from rwsc.corpus.display import Pixels
from rwsc.corpus.distractors import open_distractors
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.manifest import RunFacts, to_row
from rwsc.corpus.plan import planned_images
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.items.bank import ItemBank
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import read_uri
from support.corpora import synth_config
from support.plans import bags_of, plan_of

MATCH = {"noise": True, "sharpness": True}


def make_images(root, role, engine):
    """Make one image of each of three bags with two items and some harmless things."""
    config = synth_config(
        root,
        engine=engine,
        match=MATCH,
        placement={"items_min": 1, "items_max": 2},
        controls=ControlsConfig(distractor_share=1.0),
    )
    bank = ItemBank.load(config.items)
    harmless = open_distractors(config.controls, split=None, labels=bank.labels)
    opened = open_classic(engine, EngineConfig())
    planned = [
        replace(image, role=role)
        for image in planned_images(plan_of(bags_of(root), 3, seed=3, shard_images=3))
    ]
    data = [read_uri(image.scan_uri) for image in planned]
    facts = RunFacts(engine=engine, weights_sha256="", config_fingerprint="", code_version="")
    made = ImageMaker(config, bank, opened, harmless).make(planned, data)
    rows = [to_row(image, each.outcome, facts) for image, each in zip(planned, made, strict=True)]
    pixels = [
        Pixels(scan=decode_image(bag), air_level=np.asarray(image.air_level), made=decode_image(each.data))
        for image, bag, each in zip(planned, data, made, strict=True)
    ]
    return rows, pixels, {item.item_id: item for item in [*bank, *harmless]}, opened
