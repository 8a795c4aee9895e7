"""What users and files rely on. A change here is a change of the product: add freely, rename never."""

import typer

from rwsc.cli.main import app
from rwsc.corpus.manifest import MANIFEST_SCHEMA
from rwsc.corpus.plan import PLAN_SCHEMA
from rwsc.corpus.settings import SynthConfig
from rwsc.items.schema import ITEMS_SCHEMA
from rwsc.sources.schema import CATALOGUE_SCHEMA
from rwsc.training.settings import TrainConfig

COMMANDS = {
    "demo": {"output"},
    "doctor": {"--storage", "--json"},
    "sources list": {"--json"},
    "sources check": {"source", "--layout", "--dataset", "--taxonomy", "--json"},
    "sources index": {
        "source", "--output", "-o", "--layout", "--dataset", "--licence", "--taxonomy", "--workers", "--overwrite",
        "--config", "--print-config",
    },
    "items build": {"catalogue", "--output", "-o", "--review", "--overwrite", "--config", "--print-config"},
    "items split": {
        "items", "--output", "-o", "--train", "--val", "--test", "--by", "--keep", "--check", "--seed", "--overwrite",
        "--json",
    },
    "items priors": {"catalogue", "--output", "-o", "--overwrite"},
    "items show": {"items", "--output", "-o", "--catalogue", "--limit", "--sort", "--overwrite"},
    "train": {
        "--items", "--bags", "--output", "-o", "--phantoms", "--size", "--steps", "--batch", "--workers", "--from",
        "--seed", "--split", "--config", "--print-config",
    },
    "plan": {
        "--items", "--bags", "--output", "-o", "--num-images", "--engine", "--weights", "--seed", "--workers",
        "--items-per-bag", "--device", "--layout", "--split", "--dry-run", "--sample", "--json", "--config",
        "--print-config",
    },
    "synth": {
        "--items", "--bags", "--output", "-o", "--num-images", "--engine", "--weights", "--seed", "--workers",
        "--items-per-bag", "--device", "--layout", "--split", "--extend", "--retry-failed", "--max-failed",
        "--max-drift",
        "--config", "--print-config",
    },
    "preview": {"corpus", "--output", "-o", "--num-images", "--engines", "--weights", "--overwrite"},
    "export": {
        "format", "corpus", "--output", "-o", "--task", "--splits", "--seed", "--negatives", "--clean-twin", "--classes",
        "--config", "--print-config",
    },
    "evaluate tables": {
        "--config", "--output", "-o", "--items", "--bags", "--phantoms", "--print-config",
    },
    "replay": {"corpus", "image_id", "--output", "-o", "--overwrite"},
    "verify": {"corpus", "--sample", "--workers", "--json"},
    "report": {"corpus", "--output", "-o", "--sample", "--max-drift", "--overwrite", "--json"},
    "weights show": {"weights", "--json"},
    "weights export": {"weights", "--output", "-o", "--overwrite"},
    "evaluate images": {"--item", "--bag", "--fused", "--mask", "--region", "--json"},
    "submit": {
        "verb", "--address", "--working-dir", "--env", "--follow", "--status", "--logs", "--stop",
    },
    "bench": {
        "name", "--num-images", "--catalogue", "--items", "--without-groups", "--engines", "--weights", "--output",
        "-o", "--overwrite", "--json",
    },
}  # fmt: skip

CATALOGUE = (
    "scan_id uri sha256 width height bit_depth modality kind dataset licence scanner_id split group objects status "
    "reason"
).split()
ITEMS = (
    "item_id physical_item_id label dataset licence scanner_id split source_scan_id source_bbox width height method "
    "transmission_png alpha_png quality status reason"
).split()
PLAN = "image_id shard_id scan_id seed".split()
MANIFEST = (
    "image_id shard_id status reason synthetic uri width height bit_depth sha256 scan_id scan_uri scan_sha256 "
    "dataset licence scanner_id engine weights_sha256 config_fingerprint code_version seed objects bag_objects quality"
).split()
OBJECT = (
    "object_id item_id physical_item_id label bbox_xywh area mask_rle x y rotation_deg scale flip "
    "occluded_fraction overlaps placement_score"
).split()


def _options(command):
    return {
        text
        for parameter in command.params
        for text in (parameter.opts if parameter.opts else [parameter.name])
    }


def _commands(group, prefix=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", _options(command) - {"--help"}


def test_commands_and_options_are_those_users_know():
    assert dict(_commands(typer.main.get_command(app))) == COMMANDS


def test_tables_have_the_columns_that_others_read():
    for schema, columns in (
        (CATALOGUE_SCHEMA, CATALOGUE),
        (ITEMS_SCHEMA, ITEMS),
        (PLAN_SCHEMA, PLAN),
        (MANIFEST_SCHEMA, MANIFEST),
    ):
        assert set(columns) <= set(schema.names)
    objects = MANIFEST_SCHEMA.field("objects").type.value_type
    assert set(OBJECT) <= {objects.field(index).name for index in range(objects.num_fields)}


def test_every_setting_says_what_it_is():
    for kind in (TrainConfig, SynthConfig):
        for name, info in kind.model_fields.items():
            assert info.description, f"{kind.__name__}.{name}"
