from collections import Counter

import numpy as np
import pytest

from rwsc.sources.check import check_source
from rwsc.sources.energies import half_of, join_energies, sidecars_of
from rwsc.sources.index import index_source
from rwsc.sources.listing import read_listing, write_listing
from rwsc.sources.schema import Sidecar, SourceObject, SourceScan
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix

GUN, KNIFE = SourceObject(label="gun"), SourceObject(label="knife")


def join(*scans, there=()):
    dropped = Counter()
    files = {scan.uri for scan in scans} | set(there)
    folders = {uri.rpartition("/")[0] for uri in files}
    joined = join_energies(scans, exists=files.__contains__, has_folder=folders.__contains__, dropped=dropped)
    return list(joined), dropped


@pytest.mark.parametrize(
    ("low", "high", "address"),
    [
        ("/d/a_low.png", "/d/a_high.png", "/d/a_low.png#high=a_high.png"),
        ("/d/a-LE.tif", "/d/a-HE.tif", "/d/a-LE.tif#high=a-HE.tif"),
        ("/d/a_Low.PNG", "/d/a_High.PNG", "/d/a_Low.PNG#high=a_High.PNG"),
        ("/d/a_low_low.npy", "/d/a_low_high.npy", "/d/a_low_low.npy#high=a_low_high.npy"),
        ("s3://b/d/a_le.tiff", "s3://b/d/a_he.tiff", "s3://b/d/a_le.tiff#high=a_he.tiff"),
        ("/d/Low/1.png", "/d/High/1.png", "/d/Low/1.png#high=High/1.png"),
        ("/d/low/1_low.png", "/d/high/1_high.png", "/d/low/1_low.png#high=high/1_high.png"),
        ("/d/LE/x.npy", "/d/HE/x.npy", "/d/LE/x.npy#high=HE/x.npy"),
    ],
)
def test_two_files_are_one_scan_in_whatever_order_they_come(low, high, address):
    for order in ((low, high), (high, low)):
        (scan,), dropped = join(*(SourceScan(uri=uri) for uri in order))
        assert (scan.uri, scan.modality, scan.problem) == (address, "dual_energy", None)
        assert not dropped
    (only,), _ = join(SourceScan(uri=high, objects=(GUN,)), there=[low])
    assert (only.uri, only.objects) == (address, (GUN,))


@pytest.mark.parametrize(
    "uri",
    ["/d/a.png", "/d/low.png", "/d/slow.png", "/d/a_low.jpg", "/d/alow.png", "/d/a_lower.png", "/d/a_low.parquet#row=1",
     "/d/a_low.png#high=a_high.png", "/d/low/1.png", "/low.png"],
)  # fmt: skip
def test_other_files_are_left_alone(uri):
    (scan,), _ = join(SourceScan(uri=uri))
    assert scan == SourceScan(uri=uri)


@pytest.mark.parametrize(
    ("uri", "missing"),
    [
        ("/d/a_low.png", "low energy of a scan, and the high one, a_high.png"),
        ("/d/a-HE.tif", "high energy of a scan, and the low one, a-LE.tif"),
    ],
)
def test_a_lone_half_is_no_gray_scan(uri, missing):
    (scan,), _ = (
        join(SourceScan(uri=uri), SourceScan(uri="/d/b_low.png"), there=["/d/b_high.png"])[0][:1],
        None,
    )
    assert missing in scan.problem
    assert scan.uri == uri


def test_halves_of_other_endings_do_not_meet():
    scans, _ = join(SourceScan(uri="/d/a_low.png"), SourceScan(uri="/d/a_high.tif"))
    assert all("is missing" in scan.problem for scan in scans)


LOW, HIGH = "/d/a_low.png", "/d/a_high.png"


def test_objects_of_both_energies_are_joined_and_those_of_both_come_once():
    (scan,), dropped = join(SourceScan(uri=LOW, objects=(GUN,)), SourceScan(uri=HIGH, objects=(GUN, KNIFE)))
    assert scan.objects == (GUN, KNIFE)
    assert not dropped


def test_a_scan_with_objects_in_its_second_energy_alone_is_not_benign():
    first = SourceScan(uri=LOW, flags=("no_annotation",), stated_size_wh=(9, 9), split="test", licence="MIT")
    second = SourceScan(
        uri=HIGH, kind="threat", objects=(GUN,), split="train", group="bag 1", licence="academic"
    )
    (scan,), _ = join(first, second)
    assert (scan.kind, scan.objects, scan.stated_size_wh, scan.group) == ("threat", (GUN,), (9, 9), "bag 1")
    assert (scan.flags, scan.licence) == (("in_several_splits",), "academic")


def listed(uri, sidecar=None, **fields):
    return SourceScan(uri=uri, sidecar=sidecar and Sidecar(form="yolo_lines", **sidecar), **fields)


def test_annotation_files_of_both_energies_go_with_the_scan_through_a_listing(tmp_path):
    low = {"uri": "/l/a_low.txt", "options": {"0": "gun"}}
    high = {"uri": "/l/a_high.txt", "options": {"0": "knife"}}
    joined, _ = join(listed(LOW, low), listed(HIGH, high))
    write_listing(str(tmp_path / "0.parquet"), joined)
    (scan,) = read_listing(str(tmp_path / "0.parquet"))
    assert sidecars_of(scan.sidecar) == [Sidecar(form="yolo_lines", **half) for half in (low, high)]
    bare = listed(HIGH, flags=("no_annotation_file",))
    for order in ((listed(LOW, low), bare), (bare, listed(LOW, low))):
        (scan,), _ = join(*order)
        assert (sidecars_of(scan.sidecar), scan.flags) == ([Sidecar(form="yolo_lines", **low)], ())
    (scan,), _ = join(listed(LOW, low), listed(HIGH, low))
    assert sidecars_of(scan.sidecar) == [Sidecar(form="yolo_lines", **low)]


def test_what_is_listed_between_two_energies_keeps_its_place_behind_them():
    between = [SourceScan(uri=f"/d/{number}.png") for number in range(3)]
    last = SourceScan(uri="/d/b_low.png")
    scans, _ = join(
        between[0],
        SourceScan(uri=LOW),
        between[1],
        last,
        SourceScan(uri=HIGH),
        between[2],
        there=["/d/b_high.png"],
    )
    assert [scan.uri.rpartition("/")[2] for scan in scans] == [
        "0.png", "a_low.png#high=a_high.png", "1.png", "b_low.png#high=b_high.png", "2.png"]  # fmt: skip


def test_a_file_that_is_listed_again_loses_none_of_its_objects():
    again = [SourceScan(uri=LOW, objects=(thing,)) for thing in (GUN, KNIFE)]
    (scan,), dropped = join(*again, SourceScan(uri=HIGH, objects=(GUN,)))
    assert scan.objects == (GUN, KNIFE)
    assert dropped == {"image of one energy listed twice": 1}


def test_a_scan_with_a_problem_keeps_it():
    broken = SourceScan(uri=LOW, problem="damaged line")
    assert join(broken)[0] == [broken]
    for order in ((broken, SourceScan(uri=HIGH)), (SourceScan(uri=HIGH), broken)):
        (scan,), _ = join(*order)
        assert scan.problem == "damaged line"


def test_two_energies_whose_names_cannot_be_one_address_cost_their_own_rows():
    scans, _ = join(SourceScan(uri="/d/x#1_low.png"), SourceScan(uri="/d/x#1_high.png"))
    assert all("cannot be joined to one scan" in scan.problem for scan in scans)


@pytest.mark.parametrize("annotated", ["low", "high"])
def test_a_gun_in_the_annotation_file_of_either_energy_is_in_the_scan(tmp_path, annotated):
    root, box = Prefix(str(tmp_path)), b"0 0.5 0.5 0.4 0.4\n"
    for energy, name in enumerate(("low", "high")):
        root.write(f"images/a_{name}.png", encode_image(np.ascontiguousarray(scan_of_two(0)[..., energy])))
        root.write(f"images/b_{name}.png", encode_image(np.ascontiguousarray(scan_of_two(1)[..., energy])))
        root.write(f"labels/a_{name}.txt", box if name == annotated else b"")
        root.write(f"labels/b_{name}.txt", box + b"0 0.3 0.3 0.1 0.1\n" * (name == annotated))
    root.write("classes.txt", b"gun\n")
    one, two = index_source(str(tmp_path))
    assert (one.status, one.kind, [thing.label for thing in one.objects]) == ("ok", "threat", ["gun"])
    assert [thing.label for thing in two.objects] == ["gun", "gun"]
    assert check_source(str(tmp_path)).by_class == {"gun": 3}
    root.write(f"labels/a_{annotated}.txt", b"damaged")
    one, _ = index_source(str(tmp_path))
    assert (one.status, one.reason.split(":")[0]) == ("failed", f"annotation a_{annotated}.txt")


def test_a_folder_says_nothing_by_itself():
    assert half_of("/d/low/1.jpg") is None
    assert join(SourceScan(uri="/d/low/1.png"), there=["/d/other/1.png"])[0][0].problem is None
    (scan,), _ = join(SourceScan(uri="/d/low/1.png"), there=["/d/high/2.png"])
    assert "low energy of a scan, and the high one, 1.png, is missing" in scan.problem


def scan_of_two(seed):
    """A bag whose high energy comes through better, on air of two levels."""
    rng = np.random.default_rng(seed)
    scan_HW2 = np.full((60, 90, 2), (50_000, 40_000), dtype=np.float64)
    scan_HW2[8:-8, 10:-10] *= (0.5, 0.7)
    scan_HW2[20:35, 30:60] *= rng.uniform(0.1, 0.5)
    return np.rint(scan_HW2 + rng.normal(0, 50, scan_HW2.shape)).astype(np.uint16)


def test_a_folder_of_two_energies_is_indexed_in_any_form(store_uri):
    root, scans = Prefix(store_uri), [scan_of_two(seed) for seed in range(3)]
    root.write("a.npy", encode_image(scans[0], codec="npy"))
    for scan, names in ((scans[1], ("b_low.png", "b_high.png")), (scans[2], ("low/c.png", "high/c.png"))):
        for energy, name in enumerate(names):
            root.write(name, encode_image(np.ascontiguousarray(scan[..., energy])))
    root.write("gray.png", encode_image(np.ascontiguousarray(scans[0][..., 0])))
    root.write("d_low.png", encode_image(np.ascontiguousarray(scans[1][..., 0])))
    root.write("e_low.png", encode_image(np.ascontiguousarray(scans[1][..., 0])))
    root.write("e_high.png", encode_image(np.ascontiguousarray(scans[1][:-1, :, 1])))
    stream = index_source(store_uri, layout="folder")
    rows = {scan.uri.removeprefix(f"{root.uri}/"): scan for scan in stream}
    assert sorted(rows) == [
        "a.npy", "b_low.png#high=b_high.png", "d_low.png", "e_low.png#high=e_high.png", "gray.png",
        "low/c.png#high=high/c.png",
    ]  # fmt: skip
    for name in ("a.npy", "b_low.png#high=b_high.png", "low/c.png#high=high/c.png"):
        scan = rows[name]
        assert (scan.status, scan.modality, scan.bit_depth, scan.flags) == ("ok", "dual_energy", 16, [])
        assert scan.air_level == pytest.approx([50_000, 40_000], rel=0.003)
        (bag,) = scan.bags
        assert bag.mean_attenuation == pytest.approx(-np.log([0.5, 0.7]).mean(), abs=0.25)
        assert len(scan.perceptual_hash) == 16
    assert rows["gray.png"].modality == "gray"
    assert "by its name it is the low energy" in rows["d_low.png"].reason
    assert (
        "e_low.png has 90 x 60 pixels of 16 bits, e_high.png has 90 x 59"
        in rows["e_low.png#high=e_high.png"].reason
    )
    assert stream.summary.by_modality == {"dual_energy": 3, "gray": 1}
    assert stream.summary.by_status == {"ok": 4, "failed": 2}


def test_a_look_at_a_source_counts_its_energies(store_uri):
    root, scan = Prefix(store_uri), scan_of_two(0)
    root.write("a.npy", encode_image(scan, codec="npy"))
    for energy, name in enumerate(("b_low.png", "b_high.png")):
        root.write(name, encode_image(np.ascontiguousarray(scan[..., energy])))
    root.write("c_low.png", encode_image(np.ascontiguousarray(scan[..., 0])))
    root.write("d_low.png", encode_image(np.ascontiguousarray(scan[..., 0])))
    root.write("d_high.png", encode_image(np.ascontiguousarray(scan[:-1, :, 1])))
    report = check_source(store_uri)
    assert (report.num_images, report.num_pairs) == (4, 2)
    assert report.by_channels == {"two energies": 2}
    assert report.image_px["width"] == [90] * 5
    assert len(report.damaged) == 2
    assert any("c_high.png, is missing" in line for line in report.damaged)
    assert any("low and high energy differ" in line for line in report.damaged)


def test_a_half_that_vanished_since_it_was_listed_is_named(tmp_path):
    root, scan = Prefix(str(tmp_path)), scan_of_two(0)
    for energy, name in enumerate(("b_low.png", "b_high.png")):
        root.write(name, encode_image(np.ascontiguousarray(scan[..., energy])))
    stream = index_source(str(tmp_path))
    root.delete("b_high.png")
    (row,) = stream
    assert row.status == "failed"
    assert "b_high.png" in row.reason
