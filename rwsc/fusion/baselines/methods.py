"""The learned baselines by name."""

from rwsc.fusion.baselines import deepfuse, fusiongan, mefnet, u2fusion
from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.luma_network import LumaNetwork

_NETWORKS: dict[str, type[LumaNetwork]] = {
    "u2fusion": u2fusion.U2FusionNetwork,
    "fusiongan": fusiongan.FusionGanNetwork,
    "fusiongan_swapped": fusiongan.FusionGanNetwork,
    "deepfuse": deepfuse.DeepFuseNetwork,
    "mefnet": mefnet.MefNetwork,
}

DEVIATIONS: dict[str, str] = {
    "u2fusion": u2fusion.DEVIATIONS,
    "fusiongan": fusiongan.DEVIATIONS,
    "fusiongan_swapped": fusiongan.DEVIATIONS,
    "deepfuse": deepfuse.DEVIATIONS,
    "mefnet": mefnet.DEVIATIONS,
}
"""How each method differs from the published one, a sentence for a table's caption."""


def build_baseline(config: BaselineConfig) -> LumaNetwork:
    """Make a baseline's network with fresh weights; ``torch.manual_seed`` before fixes them."""
    return _NETWORKS[config.method](config)
