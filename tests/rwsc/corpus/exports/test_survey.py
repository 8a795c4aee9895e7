from collections import Counter, defaultdict

import numpy as np
import pytest
from support.corpora import CocoScans, bag_image, synth_config
from support.exports import export_to, made_of, write_corpus
from support.things import item_row, thing, write_bank

from rwsc.corpus.exports.pictures import made_rows
from rwsc.corpus.exports.splits import Relations
from rwsc.corpus.exports.survey import Survey, look_at
from rwsc.errors import SourceError
from rwsc.sources.catalogue import read_catalogue
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.prefix import Prefix

BOX = {"label": "gun", "bbox_xywh": [3.5, 4.0, 20.0, 10.0], "mask_rle": None}


def test_counts_are_those_of_the_rows(corpus):
    rows = list(made_of(corpus).values())
    shards = {row["shard_id"] for row in rows}
    relations = Relations()
    survey = look_at(made_rows(corpus, shards), keep_negatives=True, relations=relations)
    negatives = sum(row["role"] != "positive" for row in rows)
    assert (survey.num_images, survey.num_unlabelled) == (len(rows), negatives)
    assert survey.num_by_label.total() == sum(len(row["objects"]) for row in rows) + 1
    assert survey.num_without_mask == 1
    assert survey.num_by_suffix == {".png": len(rows)}
    assert relations.components().keys() == {row["bag_kin"] for row in rows}
    dropped = look_at(made_rows(corpus, shards), keep_negatives=False)
    assert (dropped.num_images, dropped.num_unlabelled) == (len(rows) - negatives, negatives)


def write_kin(folder):
    """Bags of which two show one suitcase, two look alike, and some hold a thing that the bank has too."""
    scans = CocoScans(folder.child("scans"), ["gun", "knife"])
    for number in range(10):
        scans.add_bag(f"suitcase {number}.png", bag_image(number), group=f"suitcase {number // 2}")
    for number in range(10):
        image = bag_image(50 + number // 2)
        image[0, 0] -= number % 2
        scans.add_bag(f"alike {number}.png", image)
    for number in range(6):
        image, mask_HW = bag_image(100 + number), np.zeros((120, 160), bool)
        mask_HW[50:64, 60 : 80 + number] = True
        image[mask_HW] //= 3
        scans.add_thing(f"threat {number}.png", image, mask_HW, category=0, kind="threat")
    scans.write()
    index_to_catalogue(folder.uri_of("scans"), folder.uri_of("catalogue.parquet"))
    return read_catalogue(folder.uri_of("catalogue.parquet"))


def write_cut(folder, catalogue):
    """A bank of guns, and of knives that lie in the threat bags: cut out there, or rejected there and known elsewhere."""
    threats = [row["scan_id"] for row in catalogue.to_pylist() if row["kind"] == "threat"]
    things = [thing(number, side_px=30) for number in range(80)]
    items = [item_row(f"gun {number}", pixels) for number, pixels in enumerate(things[6:])]
    for number, scan_id in enumerate(threats):
        source = {"source_scan_id": scan_id} if number < 3 else {}
        items.append(item_row(f"knife {number}", things[number], label="knife", **source))
        if number >= 3:
            source = {"source_scan_id": scan_id, "physical_item_id": f"knife {number}"}
            items.append(item_row(f"rejected {number}", label="knife", **source))
    write_bank(folder.uri_of("items"), items)


@pytest.fixture(scope="module")
def kin_corpus(tmp_path_factory):
    """A corpus of bags of every kind, and what its catalogue says of each scan."""
    root = str(tmp_path_factory.mktemp("kin"))
    catalogue = write_kin(Prefix(root))
    write_cut(Prefix(root), catalogue)
    config = synth_config(
        root,
        bag_kinds=["benign", "threat"],
        num_images=26,
        class_weights={"gun": 2.0},
        placement={"items_min": 1, "items_max": 1},
    )
    return write_corpus(config), {row["scan_id"]: row for row in catalogue.to_pylist()}


def splits_of(corpus, output, seed):
    """Split of each image of an export."""
    folder = export_to(corpus, output, "voc", splits=(0.6, 0.4, 0), seed=seed)
    return {
        image: split
        for split in ("train", "val")
        for image in folder.read(f"ImageSets/Main/{split}.txt").decode().split()
    }


@pytest.mark.parametrize("seed", range(4))
def test_neither_scans_of_one_bag_nor_an_item_and_its_own_bag_are_parted(kin_corpus, tmp_path, seed):
    corpus, scans = kin_corpus
    splits, rows = splits_of(corpus, tmp_path / "out", seed), made_of(corpus)
    assert splits.keys() == rows.keys()
    shown = defaultdict(list)
    for image, row in rows.items():
        scan = scans[row["scan_id"]]
        shown["group", scan["group"]].append(image)
        shown["hash", scan["perceptual_hash"]].append(image)
        inside = row["bag_items"] if scan["kind"] == "threat" else []
        for item in [*inside, *(each["physical_item_id"] for each in row["objects"])]:
            shown["item", item].append(image)
    del shown["group", None]
    assert {kind: sum(kind == each for each, _ in shown) for kind in ("group", "hash")} == {
        "group": 5,
        "hash": 21,
    }
    in_threats = {image for image, row in rows.items() if row["bag_objects"]}
    items = [set(images) for (kind, _), images in shown.items() if kind == "item"]
    assert any(images & in_threats and images - in_threats for images in items)
    assert not [name for name, images in shown.items() if len({splits[image] for image in images}) > 1]


def test_what_was_cut_out_of_a_bag_counts_only_where_the_bag_has_labels(corpus):
    row = {**next(iter(made_of(corpus).values())), "objects": [], "bag_items": ["a"]}
    rows = [{**row, "bag_kin": "one", "bag_objects": []}, {**row, "bag_kin": "other", "bag_objects": [BOX]}]
    relations = Relations()
    look_at([*rows, {**rows[1], "bag_kin": "third"}], keep_negatives=True, relations=relations)
    components = relations.components()
    assert components["one"] != components["other"] == components["third"]


def test_the_licence_is_the_strictest():
    assert Survey(num_by_licence=Counter({"CC0": 9, "academic use only": 1})).licence == "academic use only"
    assert Survey(num_by_licence=Counter({"CC0": 9, "": 1})).licence is None
    assert Survey().licence is None


def test_arrays_are_refused_with_their_number():
    survey = Survey(num_images=7, num_by_suffix=Counter({".png": 5, ".npy": 2}))
    with pytest.raises(SourceError, match=r"X wants pictures, but 2 of 7 images"):
        survey.refuse_arrays("X")
    Survey(num_images=5, num_by_suffix=Counter({".png": 5})).refuse_arrays("X")
