"""What every layout looks for, in words: said where a source holds nothing of the layout it was given as."""

EXPECTED = {
    "sixray": "images called P00001.jpg or N0000001.jpg, at any depth",
    "opixray": "train/train_image beside train/train_annotation, and the same for test",
    "hixray": "train/train_image beside train/train_annotation, and the same for test",
    "eds": "domain1/image beside domain1/txt, and the same for the other domains",
    "gdxray": "Baggages/B0001/B0001_0001.png and so on",
    "pidray": "annotations/xray_train.json and the like",
    "clcxray": "annotations/instances_train2017.json and the like",
    "pixray": "annotations/pixray_train.json and the like",
    "dvxray": "folders of positive or negative samples with images called 1_OL.png and 1_SD.png",
    "stcray": "Images beside Json_BB, in STCray_TrainSet and STCray_TestSet",
    "iedxray": "annotations/complete_train.json and the like",
    "compass_xp": "meta.txt beside Colour",
    "huggingface": "Parquet files with a row per image",
    "coco": "annotations.json, or JSON files in annotations or beside the images",
    "yolo": "images with text files of the same stem, beside them or in labels",
    "voc": "images with XML files of the same stem, beside them or in Annotations",
    "labelme": "images with JSON files of the same stem, beside them or in a folder such as jsons",
    "items": "a folder of images per class",
    "folder": "images",
}
"""By the name of the layout."""
