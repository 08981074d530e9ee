"""Contract test of callbacks."""

from __future__ import annotations

import numpy as np

from ..stand_ins import draw_photo
from .contract_run import TRAINING_SIZE, ContractRun


def check_callback(run: ContractRun) -> None:
    """Follow a training and an edit."""
    callback = run.build()
    folder = run.folder / "run"
    folder.mkdir()
    image = draw_photo(np.random.default_rng(0), TRAINING_SIZE)
    path = folder / "checkpoints" / "step_000002.safetensors"
    callback.run_begins(folder, {"trainer": "tiny", "run": {"steps": 2}, "options": {}}, 0, 2)
    for step in (1, 2):
        callback.losses(step, step / 4, {"l1": 0.5 / step}, 10.0)
        callback.samples(step, "train", image, folder / "samples" / f"{step}.png")
    callback.validation(2, 0.5, {"l1": 0.25})
    callback.checkpoint(2, path, True)
    callback.run_ends({"steps": 2, "seconds": 1.0})
    follower = run.build()
    follower.edit_begins({"plugin": "tiny", "options": {}})
    follower.edit_ends(image, {"loss": 0.5}, None)
