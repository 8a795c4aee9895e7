"""Sound files of every kind that rwsc reads: what is damaged later."""

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.io import savemat
from support.corpora import bag_image, make_inputs, synth_config
from support.made_corpora import make_here
from support.source_trees import labelme, voc

from fuzz.mutators import npy
from rwsc.corpus.controls import ControlsConfig
from rwsc.corpus.exports.settings import ExportConfig
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.items.bank import ItemBank
from rwsc.placement.priors import GRID, Priors
from rwsc.runs.export import export_corpus
from rwsc.sources.index import index_to_catalogue

LAYOUTS = ("files", "parquet", "webdataset")
NUM_IMAGES = 6

SETTINGS = """
[synth]
items = "{root}/items"
bags = "{root}/catalogue.parquet"
output = "corpus"
engine = "tip"
num_images = 4
seed = 3
bag_kinds = ["benign"]
class_weights = {{gun = 1.0, knife = 2.0}}
declared_use = "research"

[synth.placement]
items_min = 1
items_max = 2
mm_per_px = {{scanner = 1.0}}

[synth.controls]
empty_share = 0.1
negative_share = 0.1

[train]
items = "{root}/items"
bags = "{root}/catalogue.parquet"
output = "run"
steps = 2
size = "tiny"

[index]
source = "{root}/scans"
output = "again.parquet"
licence = "CC0"

[items]
catalogue = "{root}/catalogue.parquet"
output = "bank"

[export]
format = "coco"
corpus = "{root}/corpus-files"
output = "exported"
splits = [0.5, 0.25, 0.25]
"""
TAXONOMY = """
[classes]
gun = ["pistol", "handgun"]
knife = ["blade", "dagger"]

[datasets.SIXray]
"Hand Gun" = "gun"
"""
LINE = "{stem}.jpg Folding_Knife 40 30 90 70\r\n"


def picture(kind, seed=0):
    """A small scan in a file format."""
    image = bag_image(seed, hw=(64, 80))
    if kind == "npy":
        return npy(image if seed % 2 else (image[..., :2].astype(np.float32) / 250))
    if kind in ("tiff", "webp", "bmp"):
        file = io.BytesIO()
        options = (
            {"compression": ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg")[seed % 4]}
            if kind == "tiff"
            else {}
        )
        Image.fromarray(image).save(file, kind.upper(), **({"lossless": True} if kind == "webp" else options))
        return file.getvalue()
    if kind == "png" and seed % 3 == 1:
        image = np.ascontiguousarray(image[..., 0]).astype(np.uint16) * 257
    if kind == "png" and seed % 3 == 2:
        file = io.BytesIO()
        Image.fromarray(image).quantize(16).save(file, "PNG", transparency=3)
        return file.getvalue()
    return cv2.imencode({"png": ".png", "jpeg": ".jpg"}[kind], image)[1].tobytes()


def build(root: Path) -> None:
    """Write everything under a folder."""
    make_inputs(str(root), num_bags=4, num_items=4)
    controls = ControlsConfig(empty_share=0.2, negative_share=0.2)
    for layout in LAYOUTS:
        output = str(root / f"corpus-{layout}")
        changes = {"num_images": NUM_IMAGES, "shard_images": 3, "controls": controls, "layout": layout}
        make_here(synth_config(str(root), output=output, **changes))
    export_corpus(
        ExportConfig(format="coco", corpus=str(root / "corpus-files"), output=str(root / "exported"))
    )
    (root / "settings.toml").write_text(SETTINGS.format(root=root))
    (root / "taxonomy.toml").write_text(TAXONOMY)
    (root / "classes.txt").write_text("gun\nknife\n")
    (root / "classes.json").write_text(json.dumps({"classes": ["gun", "knife"]}))
    _write_review(root)
    _write_weights(root / "weights")
    even = np.full((GRID, GRID), 1 / GRID**2)
    priors = Priors(num_objects=40, position=even.tolist(), size={"": np.linspace(0.1, 0.4, 11).tolist()})
    (root / "priors.json").write_text(priors.model_dump_json())
    for name, files in trees().items():
        for key, content in files.items():
            path = root / "trees" / name / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    (root / "picture.png").write_bytes(picture("png"))
    index_to_catalogue(str(root / "trees" / "coco"), str(root / "threats.parquet"))


def _write_review(root):
    with (root / "review.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("item_id", "decision", "note"))
        for item, decision in zip(ItemBank.load(str(root / "items")), ("accept", "reject") * 2, strict=True):
            writer.writerow((item.item_id, decision, "looked at"))


def _write_weights(folder):
    folder.mkdir()
    network = RwscNetwork(named_config("tiny"))
    card = WeightsCard(network=network.config, code_version="0", data_licence="CC0")
    files = encode_weights(network, card)
    for name, data in zip(("weights.safetensors", "weights.json"), files, strict=True):
        (folder / name).write_bytes(data)


def trees():
    """Two scans with an annotation file in each layout, by layout; the file that is damaged stands first."""
    png, jpg = picture("png"), picture("jpeg")
    xml = voc(("Gun", 10, 20, 30, 40))
    boxes = labelme({"label": "gun", "points": [[10, 20], [30, 40]], "shape_type": "rectangle"})
    mat = io.BytesIO()
    savemat(mat, {"bb": np.array([[1, 10, 30, 5, 9], [2, 4, 9, 6, 8]], float)})
    found = {
        "sixray xml": {"Annotation/P00001.xml": xml, "20/P00001.jpg": jpg, "0/N0000001.jpg": jpg,
                       "ImageSet/10/train.csv": "name,Gun,Knife\r\nP00001,1,-1\r\n"},
        "sixray csv": {"ImageSet/10/train.csv": "name,Gun,Knife\r\nP00001,1.0,-1\r\nN0000001,-1,-1\r\n",
                       "Annotation/P00001.xml": xml, "20/P00001.jpg": jpg, "0/N0000001.jpg": jpg},
        "opixray": {"train/train_annotation/000001.txt": LINE.format(stem="000001"), "train/train_image/000001.jpg": jpg,
                    "train/train_image/000002.jpg": jpg, "train/train_knife.txt": "000001\r\n000002\r\n"},
        "eds": {"domain1/txt/00001.txt": "00001.jpg knife 10 20 50 40\r\n", "domain1/image/00001.jpg": jpg},
        "gdxray txt": {"Baggages/B0008/ground_truth.txt": "1 10 30 5 9\n2 1 2 3 4\n", "Baggages/B0008/B0008_0001.png": png,
                       "Baggages/B0008/B0008_0002.png": png},
        "gdxray mat": {"Baggages/B0046/BoundingBox.mat": mat.getvalue(), "Baggages/B0046/B0046_0001.png": png},
        "dvxray": {"P/000001.json": json.dumps({"name": "1", "objects": [{"label": "Gun", "ol_bb": [3, 4, 10, 20],
                                                "sd_bb": [1, 2, 3, 4]}]}), "P/000001_OL.png": png, "P/000001_SD.png": png},
        "stcray": {"S/Json_BB/Class 01_Gun/a.json": boxes, "S/Images/Class 01_Gun/a.jpg": jpg},
        "compass_xp": {"meta.txt": "basename\tclass\tdangerous\tinstance\tpose\n0001\tpistol\tTrue\t1\t2\n",
                       "Colour/0001.png": png, "Density/0001.png": png},
        "voc": {"Annotations/a.xml": xml, "JPEGImages/a.jpg": jpg, "JPEGImages/b.jpg": jpg, "Annotations/b.xml": voc(),
                "ImageSets/Main/train.txt": "a\nb\n"},
        "voc lists": {"ImageSets/Main/train.txt": "a\nb\n", "Annotations/a.xml": xml, "JPEGImages/a.jpg": jpg},
        "yolo": {"labels/a.txt": "1 0.5 0.5 0.2 0.4\r\n0 0.1 0.1 0.3 0.1 0.3 0.5\n", "images/a.jpg": jpg,
                 "obj.names": "gun\nKnife\n"},
        "yolo yaml": {"data.yaml": "train: images\nnc: 2\nnames: [gun, Knife]\n", "train/images/a.jpg": jpg,
                      "train/labels/a.txt": "1 0.5 0.5 0.2 0.4\n"},
        "labelme": {"a.json": boxes, "a.jpg": jpg, "b.jpg": jpg, "b.json": labelme()},
        "huggingface": {"train.parquet": _parquet(png)},
    }  # fmt: skip
    for name, place in {
        "coco": "annotations.json", "pidray": "annotations/xray_train.json", "pixray": "annotations/pixray_train.json",
        "clcxray": "annotations/instances_train2017.json", "iedxray": "annotations/complete_train.json",
    }.items():  # fmt: skip
        folder = {"coco": "", "clcxray": "train2017/", "iedxray": "Train/"}.get(name, "train/")
        classes = ["blade", "tin", "vacuum cup"] if name == "clcxray" else ["gun", "knife"]
        images = {f"{folder}{number}.png": picture("png", number) for number in range(2)}
        found[name] = {place: coco([f"{number}.png" for number in range(2)], classes), **images}
    return found


def coco(names, classes=("gun", "knife")):
    """A COCO document of one annotated object an image."""
    document = {
        "images": [
            {"id": number, "file_name": name, "width": 80, "height": 64, "license": 1, "kind": "threat"}
            for number, name in enumerate(names, start=1)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [20, 20, 30, 20],
                "segmentation": [[20, 20, 50, 20, 50, 40, 20, 40]],
            }
            for number in range(1, len(names) + 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, start=1)],
        "licenses": [{"id": 1, "name": "CC0"}],
    }
    return json.dumps(document)


def coco_with_masks(names, files, segmentations):
    """The same with a mask file where one is named, and another segmentation elsewhere."""
    document = json.loads(coco(names))
    for record, file, segmentation in zip(document["annotations"], files, segmentations, strict=True):
        record["segmentation"] = segmentation
        if file is not None:
            record["mask_file"] = file
    return json.dumps(document)


def mask_picture():
    """A mask as PNG."""
    mask_HW = np.zeros((64, 80), np.uint8)
    mask_HW[20:40, 20:50] = 255
    return cv2.imencode(".png", mask_HW)[1].tobytes()


def _parquet(png):
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    objects = [{"bbox": [[10.0, 20.0, 20.0, 20.0]], "category": [0]}] * 2
    struct = pa.struct([("bbox", pa.list_(pa.list_(pa.float32(), 4))), ("category", pa.list_(pa.int64()))])
    table = pa.table({
        "image": pa.array([{"bytes": png, "path": f"{row}.png"} for row in range(2)], kind),
        "objects": pa.array(objects, struct),
    })  # fmt: skip
    features = {"image": {"_type": "Image"},
                "objects": {"bbox": {"feature": {"dtype": "float32", "_type": "Value"}, "length": 4, "_type": "Sequence"},
                            "category": {"feature": {"names": ["gun", "knife"], "_type": "ClassLabel"}, "_type": "Sequence"}}}  # fmt: skip
    info = {"info": {"features": features, "license": "mit"}}
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), file)
    return file.getvalue()
