import inspect

import pytest
from pydantic import ValidationError

from rwsc.cli.synth import synth
from rwsc.corpus.settings import SynthConfig
from rwsc.fusion.engines import BASELINES, ENGINES


def config(**changes):
    return SynthConfig(items="i", bags="b", output="o", **changes)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_can_be_named_and_is_named_in_the_help(engine):
    assert config(engine=engine).engine == engine
    assert (
        engine in SynthConfig.model_fields["engine"].description.replace(",", " ").replace(".", " ").split()
    )
    help_text = inspect.get_annotations(synth)["engine"].__metadata__[0].help
    assert engine in help_text.replace(",", " ").replace(".", " ").split()


@pytest.mark.parametrize("engine", BASELINES)
def test_what_is_compared_with_can_be_named_too(engine):
    assert config(engine=engine).engine == engine
    assert engine in SynthConfig.model_fields["engine"].description


def test_an_unknown_engine_is_refused_with_all_names():
    with pytest.raises(ValidationError, match=r"engines are tip, .*rwsc"):
        config(engine="magic")


def test_nothing_is_matched_unless_asked():
    assert config().chosen_match is None
    assert config(match={"noise": True}).chosen_match is not None
    assert config(match={"sharpness": True}).chosen_match is not None
