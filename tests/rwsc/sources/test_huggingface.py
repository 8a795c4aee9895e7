import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rwsc.errors import ObjectMissing, SourceError
from rwsc.sources import huggingface
from rwsc.sources.catalogue import write_catalogue
from rwsc.sources.examine import Defaults, examine
from rwsc.sources.huggingface import READER
from rwsc.sources.schema import Scan
from rwsc.sources.tree import SourceTree, list_tree
from rwsc.storage.files import open_write
from rwsc.storage.prefix import Prefix

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
LABEL = {"names": ["gun", "knife"], "_type": "ClassLabel"}
BOX = {"feature": {"dtype": "float32", "_type": "Value"}, "length": 4, "_type": "Sequence"}

STRUCT = pa.struct(
    [
        ("id", pa.list_(pa.int64())),
        ("bbox", pa.list_(pa.list_(pa.float32(), 4))),
        ("category", pa.list_(pa.int64())),
    ]
)
LIST = pa.list_(pa.struct([("bbox", pa.list_(pa.float64())), ("label", pa.int64())]))
TEXT = pa.struct([("bbox", pa.list_(pa.list_(pa.float64()))), ("categories", pa.list_(pa.string()))])


def write(uri, objects, kind, *, features=None, images=None, rows_per_group=None, notes=None, **columns):
    images = images or [{"bytes": f"{row}".encode(), "path": f"{row}.png"} for row in range(len(objects))]
    table = pa.table(
        {name: pa.array(values) for name, values in columns.items()}
        | {"image": pa.array(images, IMAGE), "objects": pa.array(objects, kind)}
    )
    info = {"features": {"image": {"_type": "Image"}, "objects": features}, "license": "mit", **(notes or {})}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": info})})
    with open_write(uri) as file:
        pq.write_table(table, file, row_group_size=rows_per_group)


def read(root, dropped=None):
    counts = Counter() if dropped is None else dropped
    return list(READER.list_scans(list_tree(Prefix(str(root))), counts))


def boxes(scan):
    return [(thing.label, thing.bbox_xywh) for thing in scan.objects]


SHAPES = {
    "sequence of structs": (
        STRUCT, {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "category": [1, 0]}, {"bbox": [], "category": []},
        {"feature": {"bbox": BOX, "category": LABEL}, "_type": "Sequence"},
    ),
    "struct of lists": (
        STRUCT, {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "category": [1, 0]}, {"bbox": [], "category": []},
        {"bbox": {"feature": BOX, "_type": "List"}, "category": {"feature": LABEL, "_type": "List"}},
    ),
    "list of structs": (
        LIST, [{"bbox": [1, 2, 3, 4], "label": 1}, {"bbox": [5, 6, 7, 8], "label": 0}], [],
        [{"bbox": BOX, "label": LABEL}],
    ),
    "new list of structs": (
        LIST, [{"bbox": [1, 2, 3, 4], "label": 1}, {"bbox": [5, 6, 7, 8], "label": 0}], [],
        {"feature": {"bbox": BOX, "label": LABEL}, "_type": "List"},
    ),
    "texts": (
        TEXT, {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "categories": ["knife", " gun "]},
        {"bbox": [], "categories": []}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_objects_are_read_in_every_common_shape(tmp_path, shape):
    kind, some, none, features = SHAPES[shape]
    write(str(tmp_path / "data/train-00000-of-00001.parquet"), [some, none], kind, features=features)
    threat, benign = read(tmp_path)
    assert boxes(threat) == [("knife", (1, 2, 3, 4)), ("gun", (5, 6, 7, 8))]
    assert (threat.kind, threat.split, threat.licence) == ("threat", "train", "mit")
    assert (benign.kind, benign.objects, benign.flags) == ("benign", (), ())


def test_images_stay_where_they_are_and_are_read_by_their_row(store_uri, pixels, as_png):
    uri = f"{store_uri}/data/validation-00000-of-00001.parquet"
    content = [as_png(pixels(number)) for number in range(5)]
    stated = [{"bbox": [[1, 2, 30, 4]], "category": [0]}] * 5
    features = {"feature": {"bbox": BOX, "category": LABEL}}
    images = [{"bytes": data, "path": None} for data in content]
    write(
        uri,
        stated,
        STRUCT,
        features=features,
        images=images,
        rows_per_group=2,
        width=[60] * 5,
        height=[40] * 5,
    )
    tree = list_tree(Prefix(store_uri))
    assert READER.recognise(tree) == "data/validation-00000-of-00001.parquet"
    scans = list(READER.list_scans(tree, Counter()))
    assert [scan.uri for scan in scans] == [f"{uri}#row={row}" for row in range(5)]
    rows = [examine(scan, Defaults()) for scan in scans]
    assert {(row.status, row.width, row.split) for row in rows} == {("ok", 60, "val")}
    assert len({row.sha256 for row in rows}) == 5
    assert rows[3].objects[0].bbox_xywh == [1, 2, 30, 4]


def test_every_file_has_its_split_and_rows_count_over_all_row_groups(tmp_path):
    kind, some, none, features = SHAPES["struct of lists"]
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test"):
        write(
            str(tmp_path / f"data/{name}.parquet"),
            [some, none, some],
            kind,
            features=features,
            rows_per_group=2,
        )
    scans = read(tmp_path)
    assert [scan.split for scan in scans] == ["test"] * 3 + ["train"] * 6
    assert [scan.uri.rsplit("=")[1] for scan in scans] == ["0", "1", "2"] * 3
    write(str(tmp_path / "x/default/partial-valid/0000.parquet"), [some], kind, features=features)
    assert read(tmp_path)[-1].split == "val"


def test_an_image_that_lies_elsewhere_is_a_failed_row_and_not_looked_for(tmp_path):
    kind, some, none, features = SHAPES["list of structs"]
    images = [{"bytes": None, "path": "../../etc/passwd"}, None]
    write(str(tmp_path / "a.parquet"), [some, none], kind, features=features, images=images)
    elsewhere, nowhere = (examine(scan, Defaults()) for scan in read(tmp_path))
    assert (elsewhere.status, nowhere.status) == ("failed", "failed")
    assert "the row names '../../etc/passwd', which is not looked for" in elsewhere.reason
    assert "there is no image" in nowhere.reason


def test_an_absent_annotation_is_no_clean_bag(tmp_path):
    write(str(tmp_path / "a.parquet"), [None, {"bbox": None, "category": None}], STRUCT)
    assert [(scan.kind, scan.flags) for scan in read(tmp_path)] == [("threat", ("no_annotation",))] * 2


@pytest.mark.parametrize(
    "damaged",
    [{"bbox": [[1, 2, 3, 4]], "category": []}, {"bbox": [[1, 2, float("nan"), 4]], "category": [0]},
     {"bbox": [[1, 2, 1e30, 4]], "category": [0]}, {"bbox": [None], "category": [0]},
     {"bbox": [[1, 2, 3, 4]], "category": [None]}, {"bbox": [[1, 2, None, 4]], "category": [0]},
     {"bbox": None, "category": [1]}],
)  # fmt: skip
def test_a_damaged_annotation_costs_its_row(tmp_path, damaged):
    _, some, _, features = SHAPES["struct of lists"]
    write(str(tmp_path / "a.parquet"), [some, damaged, some], STRUCT, features=features)
    scans = read(tmp_path)
    assert [scan.problem is None for scan in scans] == [True, False, True]
    assert "damaged annotation" in scans[1].problem
    assert scans[1].kind == "threat"


def test_classes_without_names_keep_their_boxes_and_those_out_of_range_are_counted(tmp_path):
    objects = [{"bbox": [[1, 2, 3, 4]], "category": [7]}]
    write(str(tmp_path / "a.parquet"), objects, STRUCT)
    (scan,) = read(tmp_path)
    assert (scan.objects[0].label, scan.objects[0].flags) == ("category 7", ("unnamed_category",))
    write(str(tmp_path / "a.parquet"), objects, STRUCT, features={"feature": {"category": LABEL}})
    dropped = Counter()
    (scan,) = read(tmp_path, dropped)
    assert (scan.kind, scan.objects, scan.flags) == ("threat", (), ("unknown_category",))
    assert dropped == {"annotation of an unknown category": 1}


def test_corner_boxes_are_taken_only_where_the_file_says_so(tmp_path):
    objects = [{"bbox": [[10, 20, 30, 25]], "categories": ["gun"]}]
    write(str(tmp_path / "a.parquet"), objects, TEXT, notes={"bbox_format": "xyxy"})
    assert boxes(read(tmp_path)[0]) == [("gun", (10, 20, 20, 5))]
    write(str(tmp_path / "a.parquet"), objects, TEXT, notes={"bbox_format": "coco"})
    assert boxes(read(tmp_path)[0]) == [("gun", (10, 20, 30, 25))]
    write(str(tmp_path / "a.parquet"), objects, TEXT, notes={"bbox_format": "polar"})
    with pytest.raises(SourceError, match="none of the 1 Parquet files"):
        read(tmp_path)


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b"[" * 100_000, b'{"info": {"features": [[]]}}', b'{"info": 3}']
)
def test_damaged_notes_about_classes_lose_only_the_names(tmp_path, note):
    table = pa.table(
        {
            "image": pa.array([{"bytes": b"x", "path": None}], IMAGE),
            "objects": pa.array([{"bbox": [[1, 2, 3, 4]], "category": [0]}], STRUCT),
        }
    )
    pq.write_table(table.replace_schema_metadata({"huggingface": note}), tmp_path / "a.parquet")
    assert boxes(read(tmp_path)[0]) == [("category 0", (1, 2, 3, 4))]


def test_text_in_another_encoding_costs_its_row(tmp_path):
    labels = pa.array([b"gun", b"\xff\xfe", b"knife"]).view(pa.string())
    box = pa.array([[[1.0, 2.0, 3.0, 4.0]]] * 3)
    objects = pa.StructArray.from_arrays(
        [box, pa.ListArray.from_arrays([0, 1, 2, 3], labels)], ["bbox", "label"]
    )
    images = pa.array([{"bytes": b"x", "path": None}] * 3, IMAGE)
    pq.write_table(pa.table({"image": images, "objects": objects}), tmp_path / "a.parquet")
    scans = read(tmp_path)
    assert [scan.problem is None for scan in scans] == [True, False, True]
    assert scans[2].objects[0].label == "knife"


def test_a_damaged_file_costs_one_row_and_a_damaged_row_group_too(tmp_path):
    kind, some, _, features = SHAPES["struct of lists"]
    for name in "ab":
        write(str(tmp_path / f"{name}.parquet"), [some] * 4, kind, features=features, rows_per_group=2)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 is not enough")
    a, *b = read(tmp_path)
    assert (a.uri, a.problem is None) == (str(tmp_path / "a.parquet"), False)
    assert [scan.problem for scan in b] == [None] * 4
    whole = (tmp_path / "b.parquet").read_bytes()
    place = pq.read_metadata(tmp_path / "b.parquet").row_group(1).column(3).data_page_offset
    (tmp_path / "a.parquet").unlink()
    (tmp_path / "b.parquet").write_bytes(whole[:place] + b"\xff" * 12 + whole[place + 12 :])
    scans = read(tmp_path)
    assert [scan.problem is None for scan in scans] == [True, True, False]
    assert "damaged from here to row 3" in scans[2].problem


def test_changed_bytes_cost_rows_and_nothing_else(tmp_path):
    kind, some, none, features = SHAPES["struct of lists"]
    write(str(tmp_path / "a.parquet"), [some, none] * 3, kind, features=features, rows_per_group=2)
    whole = (tmp_path / "a.parquet").read_bytes()
    num_damaged = 0
    for place in range(0, len(whole), 41):
        (tmp_path / "a.parquet").write_bytes(
            whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        )
        try:
            num_damaged += any(scan.problem for scan in read(tmp_path))
        except SourceError:
            num_damaged += 1
    assert num_damaged > 10


def test_annotations_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    kind, some, _, features = SHAPES["struct of lists"]
    write(str(tmp_path / "a.parquet"), [some] * 4, kind, features=features)
    monkeypatch.setattr(huggingface, "_MAX_BATCH_BYTES", 10)
    (scan,) = read(tmp_path)
    assert "more than 10" in scan.problem


def test_tables_of_rwsc_and_other_tables_are_not_claimed(tmp_path):
    write_catalogue(str(tmp_path / "own/catalogue.parquet"), [Scan(uri="/a.png", kind="benign", status="ok")])
    assert READER.recognise(list_tree(Prefix(str(tmp_path / "own")))) is None
    with pytest.raises(SourceError, match="none of the 1"):
        read(tmp_path / "own")
    (tmp_path / "other").mkdir()
    pq.write_table(pa.table({"image": pa.array([{"bytes": b"x"}])}), tmp_path / "other/no_objects.parquet")
    pq.write_table(pa.table({"image": ["a.png"], "objects": [[]]}), tmp_path / "other/no_bytes.parquet")
    (tmp_path / "other/text.parquet").write_text("text")
    assert READER.recognise(list_tree(Prefix(str(tmp_path / "other")))) is None
    with pytest.raises(SourceError, match="no Parquet file"):
        read(tmp_path / "empty")


@pytest.mark.parametrize("name", ["knife\nor two", "knife\x1b[31m", "k" * 5_000])
def test_a_name_that_no_class_can_have_is_not_taken_for_one(tmp_path, name):
    label = {"names": ["gun", name, ""], "_type": "ClassLabel"}
    stated = [{"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "category": [0, 1]}]
    write(
        str(tmp_path / "1/a.parquet"), stated, STRUCT, features={"feature": {"bbox": BOX, "category": label}}
    )
    (scan,) = read(tmp_path / "1")
    assert [(thing.label, thing.flags) for thing in scan.objects] == [
        ("gun", ()), ("category 1", ("unnamed_category",))]  # fmt: skip
    write(str(tmp_path / "2/a.parquet"), [{"bbox": [[1, 2, 3, 4]], "categories": [name]}], TEXT)
    (scan,) = read(tmp_path / "2")
    assert "damaged annotation: a class is 'k" in scan.problem
    assert len(scan.problem) < 200


def test_a_file_that_is_not_there_is_told_so(tmp_path):
    tree = SourceTree(Prefix(str(tmp_path)), {"": ["absent.parquet"]}, 0)
    with pytest.raises(ObjectMissing, match=r"there is nothing at .*absent\.parquet"):
        list(READER.list_scans(tree, Counter()))
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    both = SourceTree(Prefix(str(tmp_path)), {"": ["absent.parquet", "damaged.parquet"]}, 0)
    with pytest.raises(SourceError, match="none of the 2 Parquet files"):
        list(READER.list_scans(both, Counter()))
