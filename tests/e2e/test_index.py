"""Indexing on a real cluster: the bytes that one process makes, resume after every kill, buckets."""

from collections import Counter

import numpy as np
import pytest
from support.processes import kill, ray_workers, rwsc, wait_for

from rwsc.errors import RunMismatch, SourceError, StorageError
from rwsc.runs.index import run_index
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.index import index_to_catalogue
from rwsc.sources.parts import IndexParts
from rwsc.sources.schema import SourceScan
from rwsc.sources.settings import IndexConfig
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix, read_uri

pytestmark = [pytest.mark.ray, pytest.mark.slow]

NUM_SCANS = 60
BOX = "<object><name>Gun</name><bndbox><xmin>40</xmin><ymin>40</ymin><xmax>90</xmax><ymax>80</ymax></bndbox></object>"


def write_source(folder: Prefix, num_scans=NUM_SCANS, size=600):
    """A Pascal VOC tree: threats, a repeated image, a damaged one, a damaged annotation."""
    for number in range(num_scans):
        rng = np.random.default_rng(number % 50)
        image = np.full((size, size, 3), 240, np.uint8)
        image[20:-20, 30:-30] = rng.integers(60, 200, (size - 40, size - 60, 3))
        data = b"no picture" if number == 7 else encode_image(image)
        folder.write(f"JPEGImages/{number:03d}.png", data)
        xml = f"<annotation>{BOX}</annotation>" if number != 9 else "<annotation>"
        folder.write(f"Annotations/{number:03d}.xml", xml.encode())
    folder.write("Annotations/lost.xml", b"<annotation/>")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("index") / "scans"
    write_source(Prefix(str(root)))
    return root


@pytest.fixture(scope="module")
def straight(source, tmp_path_factory):
    """The catalogue as one process makes it: its bytes and its summary."""
    uri = str(tmp_path_factory.mktemp("straight") / "c.parquet")
    summary = index_to_catalogue(str(source), uri)
    return read_uri(uri), summary


def config(source, output, **changes):
    return IndexConfig(**{"source": str(source), "output": str(output), "part_images": 7, **changes})


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_any_number_of_workers_makes_the_same_bytes(ray_cluster, source, straight, tmp_path, capsys, workers):
    output = tmp_path / "c.parquet"
    summary = run_index(config(source, output, workers=workers))
    assert output.read_bytes() == straight[0]
    assert summary == straight[1]
    assert summary.by_status == {"ok": 50, "rejected": 8, "failed": 2}
    assert not (tmp_path / "c.parquet.parts").exists()
    said = capsys.readouterr().err
    assert "layout voc" in said
    assert f"{NUM_SCANS} images indexed" in said
    assert ("worker(s)" in said) == (workers is not None)


@pytest.mark.long
def test_after_a_killed_driver_and_a_killed_worker_the_catalogue_is_the_undisturbed_one(
    ray_cluster, source, straight, tmp_path
):
    output, settings = tmp_path / "c.parquet", tmp_path / "settings.toml"
    settings.write_text("[index]\npart_images = 3\nthreads = 1\n")
    parts = Prefix(f"{output}.parts")
    arguments = ["sources", "index", source, "-o", output, "--config", settings, "--workers"]

    def done():
        return set(parts.list_keys("rows"))

    driver = rwsc(*arguments, 2, address=ray_cluster, cwd=tmp_path)
    wait_for(done, process=driver)
    kill(driver.pid)
    driver.communicate()
    assert 0 < len(done()) < NUM_SCANS // 3
    assert not output.exists()
    wait_for(lambda: not ray_workers("MapWorker"))

    # One worker alone, so that the run cannot end unless its successor takes over.
    before = done()
    driver = rwsc(*arguments, 1, address=ray_cluster, cwd=tmp_path)
    wait_for(lambda: done() - before, process=driver)
    (victim,) = wait_for(lambda: ray_workers("MapWorker"), process=driver)
    kill(victim)
    assert wait_for(lambda: ray_workers("MapWorker") - {victim}, process=driver)
    out, err = driver.communicate(timeout=180)
    assert driver.returncode == 0, err[-3000:]
    assert "taking up the run" in err
    # Ray may speak on stdout of the worker that was killed, even after the command's own line.
    assert str(output) in out.splitlines()
    assert output.read_bytes() == straight[0]
    assert not (tmp_path / "c.parquet.parts").exists()


def test_parts_of_other_settings_are_refused_with_the_difference(ray_cluster, source, tmp_path, monkeypatch):
    output = tmp_path / "c.parquet"
    (tmp_path / "none.toml").write_text("[classes]\nweapon = ['gun']\n")
    other = config(source, output, workers=1, licence="CC0", taxonomy=str(tmp_path / "none.toml"))
    parts = Prefix(f"{output}.parts")

    def stop(*arguments):
        raise SourceError("stop here")

    monkeypatch.setattr("rwsc.runs.index._examine", stop)
    with pytest.raises(SourceError, match="stop here"):
        run_index(other)
    monkeypatch.undo()
    with pytest.raises(RunMismatch, match=r"inputs.taxonomy: .*settings.licence: CC0 -> None") as caught:
        run_index(config(source, output))
    assert parts.uri in caught.value.remedy
    run_index(other)
    scans = list(iter_scans(read_catalogue(str(output))))
    assert {thing.label for scan in scans for thing in scan.objects} == {"weapon"}
    assert list(parts.list_keys()) == []


def test_a_run_that_replaces_a_catalogue_goes_on_after_it_was_stopped_half_way(
    ray_cluster, source, straight, tmp_path, monkeypatch, capsys
):
    output = tmp_path / "c.parquet"
    output.write_bytes(b"an older catalogue")

    def stop_half_way(run, listed, todo, progress):
        for number in todo[:4]:
            run.parts.examine(number, run.defaults, threads=1)
        raise SourceError("stop here")

    monkeypatch.setattr("rwsc.runs.index._examine", stop_half_way)
    with pytest.raises(SourceError, match="stop here"):
        run_index(config(source, output, workers=1), overwrite=True)
    monkeypatch.undo()
    capsys.readouterr()
    run_index(config(source, output, workers=1), overwrite=True)
    assert f"taking up the run: 28 of {NUM_SCANS} images are done" in capsys.readouterr().err
    assert output.read_bytes() == straight[0]


@pytest.mark.s3
def test_a_bucket_that_is_gone_ends_the_run_and_writes_no_scan_off(ray_cluster, source, tmp_path, s3_env):
    output = tmp_path / "c.parquet"
    parts = IndexParts(Prefix(f"{output}.parts"))
    gone = [SourceScan(uri="s3://no-such-bucket-here/a.png")]
    parts.list_all(gone, Counter(), part_images=1, layout="voc", why="made up")
    with pytest.raises(StorageError, match="no-such-bucket-here"):
        run_index(config(source, output, workers=1))
    assert not output.exists()
    assert not list(parts.folder.list_keys("rows"))


@pytest.mark.s3
def test_a_bucket_gives_the_rows_that_a_folder_gives(ray_cluster, s3_uri):
    write_source(Prefix(f"{s3_uri}/scans"), num_scans=12, size=80)
    output = f"{s3_uri}/c.parquet"
    summary = run_index(config(f"{s3_uri}/scans", output, workers=2))
    assert summary.by_status == {"ok": 10, "failed": 2}
    straight = index_to_catalogue(f"{s3_uri}/scans", f"{s3_uri}/straight.parquet")
    assert read_uri(output) == read_uri(f"{s3_uri}/straight.parquet")
    assert straight == summary
    assert not list(Prefix(f"{output}.parts").list_keys())
