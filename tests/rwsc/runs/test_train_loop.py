from rwsc.runs.train_loop import WorkerLoop
from rwsc.runs.train_session import HereSession
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig


def test_each_sample_of_validation_shows_a_phantom_of_its_own_and_training_draws_at_random(tmp_path):
    config = TrainConfig(
        output=str(tmp_path),
        phantoms=12,
        validation_samples=12,
        threads=1,
        sample={"crop_px": 440},  # a crop is the whole phantom: its level names the phantom
        network={"stage_channels": (4, 8), "hidden_channels": 4},
    )
    loop = WorkerLoop(config, [], set(), HereSession(Prefix(config.output), "cpu"))
    levels = {
        name: {round(float(source.draw(index).bag_CHW.mean()), 4) for index in range(12)}
        for name, source in (("validation", loop._validation), ("train", loop._train))
    }
    assert len(levels["validation"]) == 12
    assert len(levels["train"]) < 12
    assert not levels["validation"] & levels["train"]
