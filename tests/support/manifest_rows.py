"""Manifest rows, as far as reports read them."""


def thing(label="gun", *, article="a", turn=0.0, box=(10.0, 10.0, 20.0, 40.0), occluded=0.25, score=0.9):
    return {
        "label": label, "item_id": f"{article}1", "physical_item_id": article, "rotation_deg": turn, "scale": 1.0,
        "flip": False, "x": int(box[0]), "y": int(box[1]), "bbox_xywh": list(box),
        "occluded_fraction": occluded, "placement_score": score, "occlusion_level": 1, "occlusion_wanted": None,
    }  # fmt: skip


def row(number, *things, status="made", bag_labels=(), **values):
    return {
        "status": status, "role": "positive", "reason": None if status == "made" else "no room",
        "scan_sha256": f"{number:064x}"[::-1], "licence": "CC0", "dataset": "d", "scanner_id": None, "width": 100,
        "height": 80, "bags_xywh": [], "objects": list(things), "distractors": [], "empty_insertions": [],
        "bag_objects": [{"label": label} for label in bag_labels], **values,
    }  # fmt: skip
