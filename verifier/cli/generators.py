"""What the commands that train and sample need to be installed."""

import os
from importlib.util import find_spec

from verifier.base.errors import InputError


def require_generators() -> None:
    """Raise InputError if what training and sampling need is not installed. Call it before torch is imported."""
    if any(find_spec(name) is None for name in ("torch", "lightning_fabric", "safetensors")):
        raise InputError("", "needs PyTorch: pip install 'verifier[generators]'")
    # OpenMP reads it once, when torch loads it: threads that spin while they wait take the processor from others.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
