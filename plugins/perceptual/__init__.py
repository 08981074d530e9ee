"""How different two pictures look: LPIPS 0.1, on AlexNet whole in the package, on VGG16 with weights to fetch; features
of VGG16, and the Fréchet distance of two sets of pictures by them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_extractors(register: Callable[[Any], None]) -> None:
    from .extractor import Lpips, LpipsVgg
    from .vgg16 import Vgg16

    for extractor in (Lpips, LpipsVgg, Vgg16):
        register(extractor)


@i2i.hookimpl
def register_metrics(register: Callable[[Any], None]) -> None:
    from .frechet import Frechet
    from .metric import LpipsMetric, LpipsVggMetric

    for metric in (LpipsMetric, LpipsVggMetric, Frechet):
        register(metric)


@i2i.hookimpl
def register_models(register: Callable[[Any], None]) -> None:
    from .models import VGG16

    register(VGG16)
