from dataclasses import asdict

import numpy as np
import pytest

from rwsc.corpus.manifest import RunFacts
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ObjectMissing
from rwsc.runs.carried import raise_carried
from rwsc.runs.shard_worker import ShardWorker


def test_what_a_worker_cannot_open_reaches_the_driver_as_a_value(tmp_path):
    config = SynthConfig(
        items=str(tmp_path / "gone"),
        bags=str(tmp_path / "catalogue.parquet"),
        output=str(tmp_path / "corpus"),
        num_images=1,
        engine="tip",
    )
    facts = RunFacts(engine="tip", weights_sha256="", config_fingerprint="0", code_version="0")
    worker = ShardWorker(config.model_dump(), asdict(facts), "cpu")
    counts = worker({"shard_id": np.array(["a"]), "number": np.array([0])})
    assert [int(counts[status][0]) for status in ("made", "rejected", "failed")] == [0, 0, 0]
    with pytest.raises(ObjectMissing, match="gone"):
        raise_carried(counts)
