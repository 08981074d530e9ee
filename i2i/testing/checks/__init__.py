"""What each kind of plugin must do with small data: one function for each kind, which fails by ``AssertionError``.

Everything is called through the engine's guards, which check types and shapes of what is returned. The functions check
what guards cannot see: reproducibility, independence of samples, ranges, and that state and files survive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .callbacks import check_callback
from .contract_run import ContractRun
from .datasets import check_dataset
from .editors import check_editor, check_inverter
from .extractors import check_extractor
from .generators import check_generator
from .metrics import check_metric
from .records import check_model, check_panel, check_preset
from .trainers import check_trainer

CHECKS: Mapping[str, Callable[[ContractRun], None]] = {
    "trainer": check_trainer,
    "dataset": check_dataset,
    "generator": check_generator,
    "model": check_model,
    "extractor": check_extractor,
    "editor": check_editor,
    "inverter": check_inverter,
    "preset": check_preset,
    "metric": check_metric,
    "callback": check_callback,
    "panel": check_panel,
}
"""By kind, the function that checks a thing."""
