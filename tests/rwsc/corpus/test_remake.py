import numpy as np
import pytest
from support.made_images import MATCH, make_images

from rwsc.corpus.controls import Role
from rwsc.corpus.remake import insertions_of, things_of
from rwsc.fusion.compose import fuse_in_rounds
from rwsc.fusion.engines import ENGINES
from rwsc.fusion.match import MatchConfig

COLOUR_ENGINES = [name for name in ENGINES if name not in ("rwsc", "tip_dual")]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("engine", COLOUR_ENGINES)
def test_an_image_is_made_again_from_its_row_bit_for_bit(inputs_root, role, engine):
    rows, pixels, items, opened = make_images(inputs_root, role, engine)
    for row, each in zip(rows, pixels, strict=True):
        insertions = insertions_of(row, items, each.scan, each.air_level, engine=engine)
        assert len(insertions) == len(list(things_of(row)))
        image = fuse_in_rounds(
            [each.scan], [each.air_level], [insertions], opened, context=0.5, match=MatchConfig(**MATCH)
        )[0]
        np.testing.assert_array_equal(image, each.made)
    assert sum(len(row["distractors"]) for row in rows) == 0 or role != Role.NEGATIVE


def test_a_row_of_an_older_corpus_holds_objects_alone(inputs_root):
    rows, pixels, items, _ = make_images(inputs_root, Role.POSITIVE, "tip")
    older = {name: rows[0][name] for name in ("seed", "objects", "bag_objects")}
    assert list(things_of(older)) == rows[0]["objects"]
    again = insertions_of(older, items, pixels[0].scan, pixels[0].air_level, engine="tip")
    assert len(again) == len(rows[0]["objects"])
