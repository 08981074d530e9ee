"""How different two pictures look: LPIPS 0.1 with AlexNet, whole in the package, so that it works without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_extractors(register: Callable[[Any], None]) -> None:
    from .extractor import Lpips

    register(Lpips)


@i2i.hookimpl
def register_metrics(register: Callable[[Any], None]) -> None:
    from .metric import LpipsMetric

    register(LpipsMetric)
