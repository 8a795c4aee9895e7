import pytest

from rwsc.corpus.exports.coco import CocoFormat
from rwsc.corpus.exports.formats import open_format
from rwsc.corpus.exports.huggingface import HuggingFaceFormat
from rwsc.corpus.exports.parts import Export
from rwsc.corpus.exports.settings import ExportConfig
from rwsc.corpus.exports.survey import Survey
from rwsc.corpus.exports.voc import VocFormat
from rwsc.corpus.exports.webdataset import WebDatasetFormat
from rwsc.corpus.exports.yolo import YoloFormat


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("coco", CocoFormat),
        ("yolo", YoloFormat),
        ("voc", VocFormat),
        ("hf", HuggingFaceFormat),
        ("webdataset", WebDatasetFormat),
    ],
)
def test_every_name_opens_its_format(name, kind):
    export = Export(
        classes=["gun"], splits=("train",), survey=Survey(), clean_twin=False, pictures=lambda: iter(())
    )
    config = ExportConfig(format=name, corpus="c", output="o")
    assert type(open_format(config, export)) is kind
