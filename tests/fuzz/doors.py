"""The doors that a file enters by: the commands that a user types, one per kind of file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzz import mutators, world
from rwsc.corpus.commit import committed_shards
from rwsc.corpus.containers import SUFFIXES
from rwsc.storage.prefix import Prefix


@dataclass(frozen=True, kw_only=True)
class Door:
    """A command, the file of it that is damaged, and by what."""

    name: str
    share: int
    """How often it is taken, beside the others."""

    target: str
    """The file, inside the world; with * the first of its kind."""

    mutators: tuple
    commands: Callable[[Path, Path], list[list[object]]]
    """The commands, one of which is taken, given where the damaged copy lies and the sound world."""

    copied: str | None = None
    """The folder that is copied with the file; None copies the file alone."""

    names: tuple[str, ...] = ()
    """What else than the file's name a clear error may name: what stands in it."""

    def find(self, root: Path) -> Path:
        """Give the file in a world."""
        return min(root.glob(self.target)) if "*" in self.target else root / self.target


def _synth_inputs(root: Path, **changes: Path) -> list[object]:
    inputs = {"items": root / "items", "bags": root / "catalogue.parquet", **changes}
    return ["--items", inputs["items"], "--bags", inputs["bags"]]


def _plan(root: Path, **changes: Path) -> list[object]:
    """Plan a corpus and make some images of it in this process."""
    return [
        "plan", *_synth_inputs(root, **changes), "-o", "planned", "--num-images", 4, "--engine", "tip",
        "--dry-run", "--sample", 3,
    ]  # fmt: skip


def _write_plan(root: Path, **changes: Path) -> list[object]:
    return ["plan", *_synth_inputs(root, **changes), "-o", "planned", "--num-images", 4, "--engine", "tip"]


def _corpus_commands(corpus: Path, root: Path) -> list[list[object]]:
    image_id = _an_image(root / corpus.name)
    return [
        ["verify", corpus],
        ["verify", corpus, "--json", "--sample", 0],
        ["report", corpus, "-o", "report.html", "--sample", 4],
        ["preview", corpus, "-o", "sheet.png"],
        ["replay", corpus, image_id],
        *(["export", name, corpus, "-o", "out"] for name in ("coco", "yolo", "voc", "hf", "webdataset")),
        ["export", "yolo", corpus, "-o", "out", "--task", "segment", "--clean-twin"],
    ]  # fmt: skip


def _an_image(corpus: Path) -> str:
    from rwsc.corpus.commit import read_rows

    prefix = Prefix(str(corpus))
    rows = (row for shard in sorted(committed_shards(prefix)) for row in read_rows(prefix, shard))
    return next(row["image_id"] for row in rows if row["status"] == "made")


def _source(tree: Path, root: Path) -> list[list[object]]:
    return [["sources", "index", tree, "-o", "c.parquet"], ["sources", "check", tree, "--json"]]


def _corpus_door(name: str, share: int, target: str, kinds: tuple, layout: str = "files", **about) -> Door:
    folder = f"corpus-{layout}"
    return Door(
        name=name,
        share=share,
        target=f"{folder}/{target}",
        copied=folder,
        mutators=kinds,
        commands=lambda file, root: _corpus_commands(_upto(file, folder), root),
        **about,
    )


def _upto(path: Path, name: str) -> Path:
    return next(parent for parent in path.parents if parent.name == name)


def _trees() -> list[Door]:
    kinds = {
        ".json": mutators.JSON, ".xml": mutators.XML, ".yaml": mutators.YAML, ".parquet": mutators.PARQUET,
        ".mat": mutators.BYTES,
    }  # fmt: skip
    doors = []
    for layout, files in world.trees().items():
        key = next(iter(files))
        doors.append(
            Door(
                name=f"annotation, {layout}",
                share=6,
                target=f"trees/{layout}/{key}",
                copied=f"trees/{layout}",
                mutators=kinds.get(Path(key).suffix, mutators.TEXT),
                commands=lambda file, root, layout=layout: _source(_upto(file, layout), root),
                names=(layout,),
            )
        )
    return doors


DOORS = [
    Door(
        name="settings", share=70, target="settings.toml", mutators=mutators.TEXT,
        commands=lambda file, root: [
            *([*verb, "--config", file, "--print-config"] for verb in
              (["synth"], ["train"], ["sources", "index"], ["items", "build"], ["export", "yolo"], ["plan"], ["synth"])),
            ["items", "build", "--config", file],
            ["export", "coco", "--config", file],
            ["plan", "--config", file],
            ["plan", "--config", file, "--dry-run", "--sample", 2],
        ],
        names=("synth", "train", "index", "items", "export", "there is nothing at", "the catalogue has"),
    ),
    Door(
        name="taxonomy", share=25, target="taxonomy.toml", mutators=mutators.TEXT,
        commands=lambda file, root: [
            ["sources", "index", root / "scans", "-o", "c.parquet", "--taxonomy", file],
            ["sources", "check", root / "scans", "--taxonomy", file],
        ],
    ),
    Door(
        name="review", share=20, target="review.csv", mutators=mutators.TEXT,
        commands=lambda file, root: [["items", "build", root / "catalogue.parquet", "-o", "bank", "--review", file]],
    ),
    Door(
        name="classes", share=12, target="classes.json", mutators=mutators.JSON,
        commands=lambda file, root: [["export", "yolo", root / "corpus-files", "-o", "out", "--classes", file]],
        names=("gun", "knife"),
    ),
    Door(
        name="classes, text", share=8, target="classes.txt", mutators=mutators.TEXT,
        commands=lambda file, root: [["export", "coco", root / "corpus-files", "-o", "out", "--classes", file]],
        names=("gun", "knife"),
    ),
    Door(
        name="priors", share=25, target="priors.json", mutators=mutators.JSON,
        commands=lambda file, root: [[*_plan(root), "--config", _settings_with_priors(file)]],
    ),
    Door(
        name="catalogue", share=70, target="catalogue.parquet", mutators=mutators.PARQUET, names=("the catalogue has",),
        commands=lambda file, root: [
            ["items", "build", file, "-o", "bank"],
            _plan(root, bags=file),
            _plan(root, bags=file),
            _write_plan(root, bags=file),
            ["items", "show", root / "items", "-o", "sheet.png", "--catalogue", file],
        ],
    ),
    Door(
        name="catalogue of threats", share=25, target="threats.parquet", mutators=mutators.PARQUET,
        commands=lambda file, root: [
            ["items", "build", file, "-o", "bank"],
            ["items", "priors", file, "-o", "learned.json"],
        ],
    ),
    Door(
        name="item bank", share=80, target="items/items.parquet", copied="items", mutators=mutators.PARQUET,
        names=("item bank",),
        commands=lambda file, root: [
            ["items", "show", file, "-o", "sheet.png"],
            ["items", "show", file, "-o", "page.html"],
            ["items", "split", file, "-o", "split"],
            ["items", "split", file, "--check", "--json"],
            _plan(root, items=file),
            _plan(root, items=file),
            _write_plan(root, items=file.parent),
        ],
    ),
    Door(
        name="weights", share=30, target="weights/weights.safetensors", copied="weights", mutators=mutators.TENSORS,
        commands=lambda file, root: [
            ["weights", "show", file],
            ["weights", "show", file.parent, "--json"],
            [*_write_plan(root), "--engine", "rwsc", "--weights", file],
        ],
        names=("weights", "card"),
    ),
    Door(
        name="weights' card", share=25, target="weights/weights.json", copied="weights", mutators=mutators.JSON,
        commands=lambda file, root: [
            ["weights", "show", file.parent],
            [*_write_plan(root), "--engine", "rwsc", "--weights", file.parent],
        ],
        names=("weights", "card"),
    ),
    *(
        Door(
            name=f"picture, {place}", share=4, target="picture.png", mutators=mutators.PICTURES["png"],
            commands=lambda file, root, place=place: [
                ["evaluate", "images", *(word for each in ("item", "bag", "fused")
                                         for word in (f"--{each}", file if each == place else root / "picture.png"))],
            ],
        )
        for place in ("item", "bag", "fused")
    ),
    _corpus_door("run card", 30, "run.json", mutators.JSON, names=("the card of the corpus", "the corpus was made with", "nothing at", "S3")),
    _corpus_door("plan", 40, "plan.parquet", mutators.PARQUET, names=("the key",)),
    _corpus_door("manifest", 60, "manifest/*.parquet", mutators.PARQUET, names=("the bag", "cannot read", "nothing at", "the key", "S3")),
    _corpus_door("marker", 25, "committed/*.json", mutators.JSON),
    _corpus_door("COCO file", 25, "annotations.coco.json", mutators.JSON, names=("the corpus shows",)),
    _corpus_door("report", 15, "report.json", mutators.JSON),
    _corpus_door("made image", 25, "images/*/*.png", mutators.PICTURES["png"]),
    _corpus_door("container, Parquet", 25, f"images/*{SUFFIXES['parquet']}", mutators.PARQUET, "parquet"),
    _corpus_door("container, tar", 25, f"images/*{SUFFIXES['webdataset']}", mutators.TAR, "webdataset"),
    *_trees(),
]  # fmt: skip


def _settings_with_priors(file: Path) -> Path:
    settings = file.with_name("with-priors.toml")
    settings.write_text(f'[synth.placement]\npriors = "{file}"\n')
    return settings
