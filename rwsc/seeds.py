"""One random stream per (run seed, thing to draw), the same on every machine and worker."""

import hashlib

import numpy as np


def derive_seed(*parts: str | int) -> int:
    """Hash the parts to a 63-bit seed.

    Args:
        *parts: What the stream belongs to, such as a run's seed and an image's id. Order matters.

    Returns:
        An integer in [0, 2**63), equal for equal parts on every platform and Python version.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(*parts: str | int) -> np.random.Generator:
    """Open the random stream that belongs to the parts.

    Args:
        *parts: See `derive_seed`.

    Returns:
        A generator whose bit generator is fixed (PCG64), so that draws do not change with NumPy's default.
    """
    return np.random.Generator(np.random.PCG64(derive_seed(*parts)))


def content_id(*parts: str, num_chars: int = 16) -> str:
    """Name a thing after its content.

    Args:
        *parts: Text that identifies the content, for example hashes and settings.
        num_chars: Hexadecimal digits to keep, 1 to 64.

    Returns:
        Lower-case hexadecimal text.
    """
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:num_chars]
