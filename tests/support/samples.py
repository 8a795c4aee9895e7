import numpy as np

from rwsc.training.samples import Sample


def make_samples(number=4, side=24, seed=0):
    rng = np.random.default_rng(seed)
    mask_1HW = np.zeros((1, side, side), np.float32)
    mask_1HW[:, 6:18, 6:18] = 1
    return [
        Sample(
            item_CHW=(1 - mask_1HW * rng.uniform(0.2, 0.8, (3, 1, 1))).astype(np.float32),
            bag_CHW=rng.uniform(0.3, 0.9, (3, side, side)).astype(np.float32),
            mask_1HW=mask_1HW,
        )
        for _ in range(number)
    ]
