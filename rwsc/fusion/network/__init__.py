"""The RWSC-Fusion network: its blocks, the network, its weights and their card."""
