import pytest

from rwsc.errors import SourceError
from rwsc.sources.listing import read_listing, write_listing
from rwsc.sources.schema import Sidecar, SourceObject, SourceScan

SCANS = [
    SourceScan(uri="/data/a b/é.png"),
    SourceScan(uri=None, problem="file name points out of the folder: '\ud800'", kind="threat"),
    SourceScan(
        uri="s3://b/x.png", kind="isolated", dataset="GDXray", licence="l", modality="gray", scanner_id="s",
        split="test", subset="easy", group="g", stated_size_wh=(640.0, None), view="top", flags=("no_annotation",),
        sidecar=Sidecar(form="voc_xml", uri="s3://b/x.xml", options={"0": "gun"}),
        objects=(
            SourceObject(label="Gun", bbox_xywh=(1.0, 2.0, -3.5, 4.0), flags=("crowd",)),
            SourceObject(label="Knife", segmentation=[[1, 2, 3.5, 4, 5, 6]], mask_uri="s3://b/m.png"),
            SourceObject(label="Knife", segmentation={"size": [4, 5], "counts": "ab"}),
        ),
    ),
]  # fmt: skip


def test_what_is_written_is_read_back(store_uri):
    assert write_listing(f"{store_uri}/000000.parquet", iter(SCANS)) == 3
    assert read_listing(f"{store_uri}/000000.parquet") == SCANS


def test_another_file_is_not_taken_for_a_listing(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError):
        read_listing(str(tmp_path / "x.parquet"))
