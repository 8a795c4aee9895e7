import pytest

from rwsc.sources.annotation import Annotation, DamagedAnnotation


def test_an_annotation_states_nothing_unless_it_is_told():
    assert Annotation() == Annotation(objects=(), stated_size_wh=(None, None), flags=())


def test_damage_is_caught_where_values_are_checked():
    with pytest.raises(ValueError, match="line 2"):
        raise DamagedAnnotation("line 2 is no box")
