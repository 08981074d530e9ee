"""Training of ``demo-faces``: by supervision from the renderer, resolution after resolution, and an adversarial finish.

The faces' values are a function of the latent, so every latent has an image that it should become; a generator is
taught that as any network is. What is left soft is sharpened by the discriminator of StyleGAN2 (Karras et al. 2020),
which judges images one by one, while supervision goes on.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import i2i
from i2i.runtime.device import TorchDevice
from i2i.toolkit.files import atomic_write, user_directory
from i2i_plugins.demo import synthetic_faces

from .. import pools
from .generator_steps import GeneratorStage, Lesson, finish, supervise
from .settings import Trained, TrainingSettings

STAGES = (
    GeneratorStage(16, 2000, 16, 100.0),  # the mapping network learns first, in larger steps
    *[GeneratorStage(16, 4000)] * 7,  # most of what latents say shows at 16 px already, where an image costs a fifth
    *[GeneratorStage(32, 4000)] * 4,
    GeneratorStage(64, 4000),
    GeneratorStage(64, 7000, fades=True),
)
"""Short ones: what is broken off goes on after the last whole one."""
FINISH = GeneratorStage(64, 750)
STEPS = sum(stage.steps for stage in STAGES) + FINISH.steps
DEFAULTS = TrainingSettings(steps=STEPS, batch=8, rate=3e-3, images=40_000)
"""Other numbers of steps and batches scale those of all stages."""
CLAMP = 256.0
"""Of activations, as the trainer builds its networks."""
NETWORKS = {
    "channel_base": 3072,
    "channel_max": 128,
    "mapping_layers": 3,
    "latent": synthetic_faces.Z_DIM,
    "w_dim": 128,
}
"""Options of the trainer ``stylegan2``, which builds the networks."""
JUDGE = {"channel_base": 1536, "channel_max": 96}
"""Of the discriminator's: it only has to sharpen, and so is narrower."""


def train(settings: TrainingSettings, say: Callable[[str], None]) -> Trained:
    """Train the generator; Ctrl-C ends it early and keeps the weights of that moment.

    Args:
        say: Receives progress messages of one line.
    """
    registry = i2i.load_registry()
    device = TorchDevice("cpu")
    pool = pools.pool("faces", settings.images, settings.size, of_latents=True, say=say)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        g, d, average = _networks(registry, device, settings)
        lesson = Lesson(g, d, average, pool, registry.get("extractor", "lpips")(device), say)
        notes = _StageCheckpoint(settings)
        try:
            done = notes.take_up(lesson)
            for number, stage in enumerate(STAGES[done:], done):
                supervise(lesson, stage, _settings(settings, stage, number))
                notes.keep(lesson, number + 1)
            finish(lesson, FINISH, _settings(settings, FINISH, len(STAGES)))
            notes.file.unlink(missing_ok=True)
        except KeyboardInterrupt:
            say("stopped early; the weights so far are taken, and the same command goes on after the last whole stage")
        average.mapping.w_avg.copy_(_mean_w(average))
    header = {"family": "stylegan2", "arguments": {"conv_clamp": CLAMP}, "licence": "MIT, as i2i itself"}
    return Trained(average.state_dict(), {"pictures": len(pool)}, {"i2i": json.dumps(header)})


def _networks(registry: i2i.Registry, device: i2i.Device, settings: TrainingSettings) -> tuple[Any, Any, Any]:
    """Generator and discriminator as the trainer ``stylegan2`` builds them, and a frozen copy for the average."""
    trainer = registry.get("trainer", "stylegan2")
    plain: dict[str, Any] = {"size": settings.size, "batch": settings.batch, **NETWORKS}
    g = trainer(trainer.Options(**plain), device).networks["generator"]
    d = trainer(trainer.Options(**plain | JUDGE), device).networks["discriminator"]
    return g, d, copy.deepcopy(g).requires_grad_(False)


def _settings(given: TrainingSettings, stage: GeneratorStage, number: int) -> TrainingSettings:
    """Those of one stage."""
    steps = max(1, round(stage.steps * given.steps / STEPS))
    batch = max(2, round(stage.batch * given.batch / DEFAULTS.batch))
    rate = given.rate * (0.5 if stage is FINISH else 1)
    return replace(given, steps=steps, batch=batch, rate=rate, seed=given.seed + number)


class _StageCheckpoint:
    """Checkpoint of the last finished stage, in the user's folder; an interrupted training resumes from it."""

    def __init__(self, settings: TrainingSettings) -> None:
        inputs = json.dumps([asdict(settings), STAGES, NETWORKS, pools.version()], sort_keys=True)
        mark = hashlib.sha256(inputs.encode()).hexdigest()[:8]
        self.file = user_directory() / "demo" / f"generator_{mark}.part.safetensors"

    def take_up(self, lesson: Lesson) -> int:
        """Load the checkpoint into the generator; return how many stages are done."""
        if not self.file.is_file():
            return 0
        contents = load_file(self.file)
        done = int(contents.pop("stages"))
        for part, network in (("g", lesson.g), ("average", lesson.average)):
            prefix = f"{part}."
            found = {key: value for key, value in contents.items() if key.startswith(prefix)}
            network.load_state_dict({key.removeprefix(prefix): value for key, value in found.items()})
        return done

    def keep(self, lesson: Lesson, stages: int) -> None:
        """Write down where the generator stands after so many stages."""
        tensors = {"stages": torch.tensor(stages)}
        for part, network in (("g", lesson.g), ("average", lesson.average)):
            tensors |= {f"{part}.{key}": value.contiguous() for key, value in network.state_dict().items()}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.file) as beside:
            save_file(tensors, beside)


@torch.no_grad()
def _mean_w(g: Any) -> Tensor:
    """The mean of w over 20,000 latents, ``(w_dim,)``."""
    z = torch.randn(20_000, synthetic_faces.Z_DIM, generator=torch.Generator().manual_seed(0))
    mean: Tensor = g.mapping(z)[:, 0].mean(dim=0)
    return mean
