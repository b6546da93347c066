"""How pictures usually come changed, by dose: what real ones are made to look like when a spec is learned."""

from collections.abc import Mapping

from verifier.image.faults import FAULTS, blur_by_boxes, invert, jpeg, shrink, shrink_bilinear, webp
from verifier.judge.degraded import Degradation

DEGRADATIONS: Mapping[str, Degradation] = {
    "jpeg": Degradation(
        processing="JPEG",
        # What a quality makes of black depends on how its steps divide 128: none lies between two others in that. Even
        # quality 100 (dose 0.4, as 0 is none) rounds in between.
        doses=(0.4, 2, 5, 8, 10, 15, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90),
        words=lambda dose: f"JPEG of quality {100 - dose:.0f}",
        plant=jpeg,
    ),
    "webp": Degradation(
        processing="WebP",
        doses=(5, 10, 15, 20, 25, 35, 50),
        words=lambda dose: f"WebP of quality {100 - dose:.0f}",
        plant=webp,
    ),
    "gaussian-blur": Degradation.by(
        FAULTS["gaussian-blur"],
        "blur",
        (0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 1.75, 2),
        lambda dose: f"a blur of {dose:.2g} pixels",
    ),
    "box-blur": Degradation(
        processing="blur",
        doses=(0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2),
        words=lambda dose: f"a blur of {dose:.2g} pixels (Pillow's)",
        plant=blur_by_boxes,
    ),
    "enlarged": Degradation.by(
        FAULTS["enlarged"],
        "blur",
        (0.07, 0.1, 0.14, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75),
        lambda dose: f"shrinking to {1 - dose:.0%} and enlarging again (bicubic)",
    ),
    "enlarged-bilinear": Degradation.by(
        FAULTS["enlarged-bilinear"],
        "blur",
        (0.07, 0.1, 0.14, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75),
        lambda dose: f"shrinking to {1 - dose:.0%} and enlarging again (bilinear)",
    ),
    "shrunk": Degradation(
        processing="blur",
        doses=(0.15, 0.5, 1),
        words=lambda dose: f"enlarging to {1 + dose:.0%} and shrinking again (bicubic)",
        plant=shrink,
    ),
    "shrunk-bilinear": Degradation(
        processing="blur",
        doses=(0.15, 0.5, 1),
        words=lambda dose: f"enlarging to {1 + dose:.0%} and shrinking again (bilinear)",
        plant=shrink_bilinear,
    ),
    "inverted": Degradation(
        processing="inversion", doses=(1,), words=lambda _: "inverting black and white", plant=invert, graded=False
    ),
}
"""Each by its name in the spec file."""
