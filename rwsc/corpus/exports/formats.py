"""The formats by name."""

from rwsc.corpus.exports.coco import CocoFormat
from rwsc.corpus.exports.huggingface import HuggingFaceFormat
from rwsc.corpus.exports.parts import Export, Format
from rwsc.corpus.exports.settings import ExportConfig
from rwsc.corpus.exports.voc import VocFormat
from rwsc.corpus.exports.webdataset import WebDatasetFormat
from rwsc.corpus.exports.yolo import YoloFormat


def open_format(config: ExportConfig, export: Export) -> Format:
    """Give the format that settings name.

    Args:
        config: The settings.
        export: What is exported.

    Returns:
        A format, which has not been asked yet whether it can hold that.
    """
    if config.format == "coco":
        return CocoFormat()
    if config.format == "yolo":
        return YoloFormat(polygons=config.task == "segment")
    if config.format == "voc":
        return VocFormat()
    if config.format == "hf":
        return HuggingFaceFormat(
            classes=export.classes, licence=export.survey.licence, clean_twin=export.clean_twin
        )
    return WebDatasetFormat()
