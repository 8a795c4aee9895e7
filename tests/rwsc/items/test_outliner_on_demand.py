import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from support.scenes import seen_scene

from rwsc.items.outliner import default_outliner
from rwsc.items.outliner_on_demand import OutlinerOnDemand


def test_what_builds_banks_does_not_load_torch_before_the_first_box():
    code = (
        "import sys, rwsc.items.build\n"
        "from rwsc.items.outliner_on_demand import OutlinerOnDemand\n"
        "with OutlinerOnDemand(): pass\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def answers(outliner, scenes, threads):
    found = threads.map(lambda scene: outliner.outline(scene.attenuation_HWC, scene.bbox_xywh), scenes)
    return [(outline.window, outline.probability_HW, outline.expected_iou) for outline in found]


def test_threads_get_the_bytes_that_one_alone_gets_and_what_the_outliner_says():
    scenes = [seen_scene(number) for number in range(3)]
    per_pool = []
    for num_threads in (1, 3):
        with OutlinerOnDemand() as outliner, ThreadPoolExecutor(num_threads) as threads:
            per_pool.append(answers(outliner, scenes, threads))
    for alone, beside, scene in zip(*per_pool, scenes, strict=True):
        assert (alone[0], alone[1].tobytes(), alone[2]) == (beside[0], beside[1].tobytes(), beside[2])
        plain = default_outliner().outline(scene.attenuation_HWC, scene.bbox_xywh)
        np.testing.assert_allclose(alone[1], plain.probability_HW, atol=1e-3)


def test_torch_has_one_thread_meanwhile_and_its_own_number_afterwards():
    before = torch.get_num_threads()
    scene = seen_scene(0)
    try:
        torch.set_num_threads(2)
        with OutlinerOnDemand() as outliner:
            assert torch.get_num_threads() == 2
            outliner.outline(scene.attenuation_HWC, scene.bbox_xywh)
            outliner.outline(scene.attenuation_HWC, scene.bbox_xywh)
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
