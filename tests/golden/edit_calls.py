"""What the golden edits are called with, beyond what the registry tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .recording import Tolerance

DIRECT = Tolerance(1e-3, 5e-4, 5e-4, "no optimisation: only the order of sums differs between processors")
FEW_STEPS = Tolerance(
    3e-3, 3e-3, 3e-3, "Adam divides gradients by their size, so rounding decides the direction of the smallest ones"
)


@dataclass(frozen=True)
class EditCase:
    """One call of ``i2i.edit``."""

    editor: str
    images: tuple[str, ...] = ()
    """As for ``i2i.edit``; words in braces are inputs of the workspace. Empty for those of ``IMAGES``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of ``i2i.edit``, the editor's own options among them."""
    tolerance: Tolerance = FEW_STEPS
    generator: str = "demo-faces"
    vgg16: bool = False
    """Whether it needs a VGG16 with random weights."""
    written: bool = False
    """Whether what it writes to its output directory is compared as well."""


DEFAULTS: dict[str, dict[str, Any]] = {
    "drag": {"steps": 3, "frames": 2},
    "invert": {},
    "swap": {"steps": 4, "frames": 2},
    "text": {"steps": 4, "prompt": ("a smiling face",)},
}
"""Options of all cases of an editor."""
IMAGES = {"align": ("{face}",), "invert": ("{face}",), "swap": ("target=seed:1", "source=seed:2")}
"""Images of an editor where it is not ``seed:1``."""
VARIANTS = {"invert": "method", "mix": "preset"}
"""The option of an editor whose every choice is a case. Presets that plugins register are cases as well."""

PAIR = ("seed:1", "other=seed:2")
THREE = ("seed:1", "other=seed:2", "other=seed:3")
OWN: dict[str, dict[str, Any]] = {
    "invert-image2stylegan": {"options": {"steps": 4}, "vgg16": True},
    "invert-projector": {"options": {"steps": 4, "vgg": False}},
    "invert-lpips": {"options": {"steps": 4}},
    "invert-encoder": {"tolerance": DIRECT},
    "invert-hybrid": {"options": {"steps": 4, "frames": 2}},
    "invert-hybrid-pti": {"options": {"steps": 3, "tune_steps": 2}},
    "invert-pti": {"options": {"steps": 3, "tune_steps": 2, "until": 0.0, "vgg": False}},
    "mix-style": {"images": PAIR, "tolerance": DIRECT},
    "mix-expression": {"images": PAIR, "tolerance": DIRECT},
    "mix-expression-delta": {"images": THREE, "tolerance": DIRECT},
    "mix-crossover": {"images": PAIR, "tolerance": DIRECT},
    "mix-morph": {"images": PAIR, "options": {"frames": 3}, "tolerance": DIRECT},
    "mix-average": {"images": PAIR, "tolerance": DIRECT},
    "mix-sefa": {"options": {"samples": 200, "frames": 2}, "tolerance": DIRECT},
    "mix-ganspace": {"options": {"samples": 200, "frames": 2}, "tolerance": DIRECT},
    "mix-interfacegan": {
        "options": {"labels": "{labels}", "attribute": "first", "condition": "second", "frames": 2},
        "tolerance": DIRECT,
    },
    "mix-direction": {
        "options": {"direction": "{direction}", "strengths": "-6,6", "frames": 2},
        "tolerance": DIRECT,
    },
    "align": {"tolerance": DIRECT},
}
"""What a case with a generated name needs besides ``DEFAULTS`` and ``IMAGES``."""

MOUTH = ("32,44:32,49",)
WORDS = {"text": "demo-text"}
EXTRA: dict[str, EditCase] = {
    "align-face": EditCase("align", ("{face}",), {"crop": "face"}, DIRECT, written=True),
    "align-square": EditCase("align", ("{group}",), {"crop": "square"}, DIRECT),
    "align-all": EditCase(
        "align",
        ("{group}",),
        {"crop": "face", "face": "all", "extractors": {"landmarks": "golden-finder"}, "blend": "plain"},
        DIRECT,
        written=True,
    ),
    "drag-points": EditCase("drag", options={"point": MOUTH}),
    "drag-points-mask": EditCase("drag", options={"point": MOUTH, "mask": "{mask}"}),
    "drag-points-mask-blended": EditCase("drag", options={"point": MOUTH, "mask": "{mask}", "keep_outside": False}),
    "drag-points-w": EditCase("drag", options={"point": MOUTH, "space": "w", "rows": 4, "start_weight": 0.1}),
    "drag-two-points": EditCase("drag", options={"point": (*MOUTH, "20,30:22,30"), "patience": 2}),
    "drag-features": EditCase("drag", options={"preset": "smile", "guide": "features"}),
    "drag-landmarks": EditCase("drag", options={"preset": "smile", "guide": "landmarks"}),
    "drag-strengths": EditCase("drag", options={"preset": "open_mouth=0.6,slim_face=-0.3"}),
    "drag-batch": EditCase("drag", ("seed:1", "seed:2"), {"preset": "smile", "batch": 2}),
    "drag-grid": EditCase("drag", ("seed:1", "seed:2"), {"preset": "smile,frown", "grid": True, "steps": 2}),
    "drag-photo": EditCase("drag", ("{face}",), {"preset": "smile", "invert": "encoder"}, written=True),
    "drag-photo-aligned": EditCase(
        "drag",
        ("{group}",),
        {
            "preset": "smile",
            "crop": "face",
            "face": "all",
            "extractors": {"landmarks": "golden-finder"},
            "invert": "encoder",
            "guide": "features",
        },
    ),
    "drag-photo-tuned": EditCase(
        "drag", ("{face}",), {"preset": "smile", "invert": "hybrid-pti,steps=1,tune_steps=1", "steps": 2}
    ),
    "invert-w": EditCase("invert", ("{face}",), {"method": "hybrid", "space": "w", "start": "mean", "steps": 4}),
    "invert-z": EditCase("invert", ("{face}",), {"method": "lpips", "space": "z", "start": "uniform", "steps": 4}),
    "invert-noise": EditCase("invert", ("{face}",), {"method": "hybrid", "noise": True, "steps": 3, "prior_weight": 1}),
    "invert-batch": EditCase("invert", ("{face}", "seed:3"), {"method": "hybrid", "steps": 3, "batch": 2}),
    "invert-left-face": EditCase(
        "invert",
        ("{group}",),
        {"steps": 3, "crop": "face", "face": "left", "extractors": {"landmarks": "golden-finder"}, "blend": "poisson"},
        written=True,
    ),
    "invert-grid": EditCase("invert", ("{face}",), {"grid": True, "methods": ("encoder", "lpips"), "steps": 2}),
    "invert-study": EditCase(
        "invert", ("{face}",), {"study": True, "changes": ("shift",), "space": "w+", "start": "mean", "steps": 2}
    ),
    "invert-locality": EditCase(
        "invert", ("{face}",), {"method": "hybrid-pti", "steps": 2, "tune_steps": 1, "locality": 0.1, "until": 0.0}
    ),
    "mix-style-grid": EditCase(
        "mix",
        ("seed:1", "seed:2", "other=seed:3", "other=seed:4"),
        {"preset": "style", "grid": True, "psi": 0.2, "strength": 0.8},
        DIRECT,
    ),
    "mix-morph-own-rows": EditCase(
        "mix", THREE, {"preset": "morph", "frames": 4, "rows": "2-6", "rows_of": "own", "grid": True}, DIRECT
    ),
    "mix-average-weights": EditCase("mix", THREE, {"preset": "average", "weights": (0.5, 1.0, 0.25)}, DIRECT),
    "mix-sefa-component": EditCase(
        "mix",
        options={"preset": "sefa", "component": 2, "samples": 200, "rows": "0-9", "strength": -1},
        tolerance=DIRECT,
    ),
    "mix-interfacegan-words": EditCase(
        "mix",
        options={
            "preset": "interfacegan",
            "attribute": "a smiling face",
            "against": "a frowning face",
            "samples": 200,
            "frames": 0,
            "extractors": WORDS,
        },
        tolerance=DIRECT,
        generator="{stylegan2}",
    ),
    "mix-photo": EditCase("mix", ("seed:1", "other={face}"), {"preset": "style", "invert": "encoder"}, DIRECT),
    "swap-from-target": EditCase("swap", options={"start": "target", "noise": False}),
    "swap-batch": EditCase(
        "swap", ("target=seed:1", "target=seed:2", "source=seed:3"), {"batch": 2, "background": False}
    ),
    "swap-grid": EditCase("swap", ("target=seed:1", "source=seed:2", "source=seed:3"), {"grid": True, "steps": 2}),
    "swap-photo": EditCase("swap", ("target={face}", "source=seed:2"), {"invert": "encoder"}),
    "text-against": EditCase("text", options={"against": "a frowning face", "strength": 0.5, "frames": 3}),
    "text-batch": EditCase("text", ("seed:1", "seed:2"), {"batch": 2}),
    "text-grid": EditCase("text", options={"prompt": ("a smiling face", "a frowning face"), "grid": True, "steps": 2}),
    "text-directions": EditCase(
        "text",
        ("seed:1", "seed:2"),
        {"directions": "{directions}", "frames": 2, "steps": 300, "extractors": WORDS},
        DIRECT,
        generator="{stylegan2}",
    ),
}
"""Cases besides those that are generated for every editor, preset and method."""
