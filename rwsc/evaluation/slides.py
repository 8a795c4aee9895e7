"""The figures printed in the slides' Tables 1 and 2, as facts to set ours beside."""

from collections.abc import Mapping

SOURCE = (
    "Duan et al., RWSC-Fusion: Region-Wise Style-Controlled Fusion Network for the Prohibited X-ray Security Image"
    " Synthesis, CVPR 2023, slides"
)
"""Where the figures are printed."""

EDGE_ATTENTION: Mapping[str, Mapping[str, float]] = {
    "no_ea": {"outside.mae": 2.091, "outside.psnr": 38.402},
    "rwsc": {"outside.mae": 1.938, "outside.psnr": 39.084},
}
"""Table 1, image quality off the item, by the name of our arm."""

METHODS: Mapping[str, Mapping[str, float]] = {
    "u2fusion": {"q_e": 0.5635, "qabf": 0.3467, "ei": 48.8190, "psnr": 16.7155},
    "fusiongan": {"q_e": 0.5640, "qabf": 0.5924, "ei": 78.0934, "psnr": 13.8471},
    "deepfuse": {"q_e": 0.6157, "qabf": 0.1814, "ei": 41.6266, "psnr": 16.8173},
    "mefnet": {"q_e": 0.7509, "qabf": 0.6090, "ei": 85.0403, "psnr": 17.7364},
    "rwsc": {"q_e": 0.8339, "qabf": 0.6472, "ei": 81.3807, "psnr": 18.6455},
}
"""Table 2, by the name of our arm. The slides do not say on which region, by which code, or which source FusionGAN
took for which; its row is set beside our first choice."""
