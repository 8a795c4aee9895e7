import numpy as np
import pytest
from support.corpora import synth_config
from support.plans import bags_of, plan_of

from rwsc.corpus.display import Pixels
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.manifest import RunFacts, to_row
from rwsc.corpus.plan import planned_images
from rwsc.corpus.preview import CELL_PX, draw_sheet, sheet_row
from rwsc.fusion.tip import TipEngine
from rwsc.items.bank import ItemBank
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import read_uri


@pytest.fixture(scope="module")
def pictures(inputs_root):
    """Pictures of one image made with TIP, and the image itself."""
    config = synth_config(inputs_root, placement={"items_min": 2, "items_max": 2})
    bank = ItemBank.load(config.items)
    planned = next(planned_images(plan_of(bags_of(inputs_root), 1, seed=3)))
    data = read_uri(planned.scan_uri)
    made = ImageMaker(config, bank, TipEngine()).make([planned], [data])[0]
    row = to_row(
        planned,
        made.outcome,
        RunFacts(engine="tip", weights_sha256="", config_fingerprint="", code_version=""),
    )
    image = decode_image(made.data)
    cells = sheet_row(
        row,
        Pixels(
            scan=decode_image(data), air_level=np.asarray(planned.air_level, dtype=np.float64), made=image
        ),
        items={item.item_id: item for item in bank.items},
        match=config.chosen_match,
    )
    return cells, image, row


def test_an_image_made_with_tip_is_remade_from_its_row_bit_for_bit(pictures):
    cells, image, _ = pictures
    np.testing.assert_array_equal(cells[2], image)
    np.testing.assert_array_equal(cells[3], image)


def test_the_item_is_shown_alone_on_air(pictures):
    cells, _, row = pictures
    alone = cells[1]
    x, y, width, height = row["objects"][0]["fused_xywh"]
    assert (alone[y : y + height, x : x + width] < 245).any()
    assert (alone[0] == alone[0, 0]).all()


def test_boxes_are_drawn_on_the_last_picture_only(pictures):
    cells, image, row = pictures
    assert (cells[4] != image).any()
    x, y, _, _ = (int(side) for side in row["objects"][0]["bbox_xywh"])
    assert (cells[4][y, x] != image[y, x]).any()


def test_a_sheet_holds_a_head_and_a_line_a_row(pictures):
    cells, _, _ = pictures
    sheet = draw_sheet([cells, cells], ["bag", "item", "TIP", "TIP", "boxes"])
    assert sheet.shape[1] > 5 * CELL_PX
    assert sheet.shape[0] > 2 * CELL_PX * image_ratio(cells[0])
    assert sheet.dtype == np.uint8


def image_ratio(picture):
    return picture.shape[0] / max(picture.shape[:2])
