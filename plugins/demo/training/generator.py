"""Training of ``demo-faces``: by supervision from the renderer, resolution after resolution, and an adversarial finish.

The faces' values are a function of the latent, so every latent has a picture that it should become; a generator is
taught that as any network is. What is left soft is sharpened by the discriminator of StyleGAN2 (Karras et al. 2020),
which judges pictures one by one, while supervision goes on.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import i2i
from i2i.files import home, replacing

from .. import world
from .fitting import SECONDS, batches, rate_at
from .settings import Settings, Trained

DEFAULTS = Settings(steps=11_200, batch=16, rate=3e-3, pictures=40_000)
STAGES = ((16, 0.3), (32, 0.3), (64, 0.3))
"""Resolutions, and the share of the steps that each is learnt in; the finish takes the rest."""
FASTER = 100.0
"""The mapping network's rate as a multiple of the others': its layers slow themselves down by a hundred."""
EDGES, PERCEPTUAL, ADVERSARIAL = 2.0, 0.5, 0.02
"""Weights beside that of the mean difference of pixels, which is 1."""
R1, R1_EVERY = 2.0, 16
CLAMP = 256.0
"""Of activations, as the trainer builds its networks."""
KEEP = 0.998
"""Of the averaged weights at each step."""
NETWORKS = {
    "channel_base": 3072,
    "channel_max": 128,
    "mapping_layers": 3,
    "latent": world.Z_DIM,
    "w_dim": 128,
}
"""Options of the trainer ``stylegan2``, which builds the networks."""
JUDGE = {"channel_base": 1536, "channel_max": 96}
"""Of the discriminator's: it only has to sharpen, and so is narrower."""


@dataclass
class _Lesson:
    """All that a step needs."""

    g: Any
    d: Any
    average: Any
    pool: world.Pool
    lpips: Any
    settings: Settings
    say: Callable[[str], None]


def train(settings: Settings, say: Callable[[str], None]) -> Trained:
    """Train the generator; Ctrl-C ends it early and keeps what it has learnt.

    Args:
        say: Told about progress, a line at a time.
    """
    registry = i2i.load_registry()
    device = i2i.Device("cpu")
    pool = world.pool("faces", settings.pictures, settings.size, of_latents=True, say=say)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        g, d, average = _networks(registry, device, settings)
        lesson = _Lesson(g, d, average, pool, registry.get("extractor", "lpips")(device), settings, say)
        notes = _Notes(settings)
        try:
            for number, (resolution, share) in enumerate(STAGES):
                if number >= notes.take_up(lesson):
                    _supervise(lesson, resolution, round(settings.steps * share))
                    notes.keep(lesson, number + 1)
            _finish(lesson, settings.steps - sum(round(settings.steps * share) for _, share in STAGES))
        except KeyboardInterrupt:
            say("stopped early; the weights so far are taken")
        average.mapping.w_avg.copy_(_mean_w(average))
    notes.file.unlink(missing_ok=True)
    header = {"family": "stylegan2", "arguments": {"conv_clamp": CLAMP}, "licence": "MIT, as i2i itself"}
    return Trained(average.state_dict(), {"pictures": len(pool)}, {"i2i": json.dumps(header)})


def _networks(registry: i2i.Registry, device: i2i.Device, settings: Settings) -> tuple[Any, Any, Any]:
    """Generator and discriminator as the trainer ``stylegan2`` builds them, and a frozen copy for the average."""
    trainer = registry.get("trainer", "stylegan2")
    plain: dict[str, Any] = {"size": settings.size, "batch": settings.batch, **NETWORKS}
    g = trainer(trainer.Options(**plain), device).networks["generator"]
    d = trainer(trainer.Options(**plain | JUDGE), device).networks["discriminator"]
    return g, d, copy.deepcopy(g).requires_grad_(False)


class _Notes:
    """What finished stages have left, in the user's folder: a training that broke off goes on after the last of them."""

    def __init__(self, settings: Settings) -> None:
        told = json.dumps([asdict(settings), STAGES, NETWORKS], sort_keys=True)
        mark = hashlib.sha256(told.encode()).hexdigest()[:8]
        self.file = home() / "demo" / f"generator_{mark}.part.safetensors"

    def take_up(self, lesson: _Lesson) -> int:
        """Give the generator what it had learnt; returns how many stages are done."""
        if not self.file.is_file():
            return 0
        contents = load_file(self.file)
        done = int(contents.pop("stages"))
        for part, network in (("g", lesson.g), ("average", lesson.average)):
            network.load_state_dict({key[len(part) + 1 :]: value for key, value in contents.items() if key.startswith(f"{part}.")})
        return done

    def keep(self, lesson: _Lesson, stages: int) -> None:
        """Write down where the generator stands after so many stages."""
        tensors = {"stages": torch.tensor(stages)}
        for part, network in (("g", lesson.g), ("average", lesson.average)):
            tensors |= {f"{part}.{key}": value.contiguous() for key, value in network.state_dict().items()}
        with replacing(self.file) as beside:
            save_file(tensors, beside)


def _adam(lesson: _Lesson) -> torch.optim.Adam:
    """Over the generator; the mapping network learns faster."""
    groups = [
        {"params": list(lesson.g.synthesis.parameters()), "speed": 1.0},
        {"params": list(lesson.g.mapping.parameters()), "speed": FASTER},
    ]
    return torch.optim.Adam(groups, lesson.settings.rate, betas=(0.9, 0.99))


def _supervise(lesson: _Lesson, resolution: int, steps: int) -> None:
    """Learn the pictures of latents, as far as one resolution."""
    settings = replace(lesson.settings, steps=steps, seed=lesson.settings.seed + resolution)
    optimizer, watch = _adam(lesson), _Watch(lesson.say, f"{resolution} px", steps, settings.batch)
    for step, numbers in enumerate(batches(len(lesson.pool), settings)):
        _set_rate(optimizer, rate_at(step, settings) if resolution == settings.size else settings.rate)
        losses = _likeness(lesson, numbers, resolution)[1]
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        _follow(lesson, step)
        watch(step, losses)


def _finish(lesson: _Lesson, steps: int) -> None:
    """Go on with supervision, and against the discriminator."""
    settings = replace(lesson.settings, steps=steps, rate=0.5 * lesson.settings.rate, seed=lesson.settings.seed + 1)
    g_adam, d_adam = _adam(lesson), torch.optim.Adam(lesson.d.parameters(), settings.rate, betas=(0.0, 0.99))
    watch = _Watch(lesson.say, "finish", steps, settings.batch)
    for step, numbers in enumerate(batches(len(lesson.pool), settings)):
        _set_rate(g_adam, rate_at(step, settings))
        lesson.d.requires_grad_(False)
        made, losses = _likeness(lesson, numbers, settings.size)
        losses["g"] = ADVERSARIAL * F.softplus(-lesson.d(made)).mean()
        g_adam.zero_grad()
        sum(losses.values()).backward()
        g_adam.step()
        lesson.d.requires_grad_(True)
        real = world.pictures_of(lesson.pool, numbers)
        losses["d"] = F.softplus(lesson.d(made.detach())).mean() + F.softplus(-lesson.d(real)).mean()
        penalty = R1 * R1_EVERY * _steepness(lesson.d, real[::2]) if step % R1_EVERY == 0 else 0.0
        d_adam.zero_grad()
        (losses["d"] + penalty).backward()
        d_adam.step()
        _follow(lesson, step + 100)
        watch(step, losses)


def _likeness(lesson: _Lesson, numbers: Tensor, resolution: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Pictures ``(N, 3, R, R)`` for the latents of faces, and what keeps them from those faces."""
    target = world.pictures_of(lesson.pool, numbers)
    if resolution < target.shape[-1]:
        target = F.avg_pool2d(target, target.shape[-1] // resolution)
    ws = lesson.g.mapping(lesson.pool.latents[numbers])
    made = lesson.g.synthesis(ws, "none", until=resolution)
    losses = {"pixels": (made - target).abs().mean(), "edges": EDGES * _edges(made, target)}
    if resolution >= 32:
        losses["lpips"] = PERCEPTUAL * lesson.lpips.distance(made, target).mean()
    return made, losses


def _edges(made: Tensor, target: Tensor) -> Tensor:
    """The mean difference of neighbouring pixels' differences: a soft edge counts though its colours nearly fit."""
    apart = made - target
    return (apart[:, :, 1:] - apart[:, :, :-1]).abs().mean() + (apart[..., 1:] - apart[..., :-1]).abs().mean()


def _steepness(judge: nn.Module, real: Tensor) -> Tensor:
    """R1: the mean squared length of the logits' gradient at real pictures (Mescheder et al. 2018), halved."""
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["speed"]


@torch.no_grad()
def _follow(lesson: _Lesson, step: int) -> None:
    """Move the averaged weights towards the present ones."""
    keep = min(KEEP, (1 + step) / (10 + step))
    for kept, new in zip(lesson.average.parameters(), lesson.g.parameters(), strict=True):
        kept.lerp_(new, 1 - keep)


@torch.no_grad()
def _mean_w(g: Any) -> Tensor:
    """The mean of w over 20,000 latents, ``(w_dim,)``."""
    z = torch.randn(20_000, world.Z_DIM, generator=torch.Generator().manual_seed(0))
    mean: Tensor = g.mapping(z)[:, 0].mean(dim=0)
    return mean


class _Watch:
    """Tells losses and speed every few seconds."""

    def __init__(self, say: Callable[[str], None], stage: str, steps: int, batch: int) -> None:
        self.say, self.stage, self.steps, self.batch = say, stage, steps, batch
        self.told, self.step = time.monotonic(), 0

    def __call__(self, step: int, losses: dict[str, Tensor]) -> None:
        passed = time.monotonic() - self.told
        if passed < SECONDS and step + 1 < self.steps:
            return
        values = ", ".join(f"{name} {float(value.detach()):.4f}" for name, value in losses.items())
        speed = (step + 1 - self.step) * self.batch / passed
        self.say(f"{self.stage}: step {step + 1} of {self.steps}: {values}; {speed:.0f} images/s")
        self.told, self.step = time.monotonic(), step + 1
