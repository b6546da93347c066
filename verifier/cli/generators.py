"""What the commands that train and sample need to be installed."""

import os

from verifier.base.extras import require_extra


def require_generators() -> None:
    """Raise InputError if what training and sampling need is not installed. Call it before torch is imported."""
    require_extra("generators", "PyTorch", "torch", "lightning_fabric", "safetensors")
    # OpenMP reads it once, when torch loads it: threads that spin while they wait take the processor from others.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
