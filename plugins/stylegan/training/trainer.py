"""Training of StyleGAN2 on single images (Karras et al. 2020), with adaptive augmentation for small datasets."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

import i2i
from i2i.toolkit.latents.style_network import truncate

from ..generators import StyleGAN2
from ..networks.discriminator import Discriminator
from ..networks.stylegan2 import StyleGAN2Generator
from .augmentation import EVERY, AdaptiveAugmentation
from .losses import discriminator_loss, generator_loss, path_lengths, r1_penalty
from .options import StyleGAN2Options

PATH_EVERY, R1_EVERY = 4, 16
"""Steps between two updates by path length regularisation and by R1 (appendix B: lazy regularisation)."""
PATH_MEMORY, W_MEMORY = 0.99, 0.995
"""Decay of the moving averages of the path length, at each of its updates, and of w, at each step."""
CLAMP = 256.0
"""Limit of the activations, as in StyleGAN2-ADA, so that they fit half precision."""


class StyleGAN2Trainer(i2i.Trainer):
    """Trains the networks ``generator`` and ``discriminator`` on ``batch["target"]``, ``(N, 3, S, S)`` in [-1, 1].

    The exponential moving average has the decay 0.998, a half-life of 346 steps; in StyleGAN2-ADA it is
    10,000 / 32 = 313 steps for every batch size.

    On a CPU all is float32, whatever the run's precision: bf16 takes 1.7 to 2.5 times as long there, even where the
    processor has instructions for it.

    Losses: ``g`` and ``d``, those of the two networks; ``r1`` and ``pl``, the penalties as last computed, unweighted;
    ``sign``, the mean sign of the logits of real images; ``p``, the probability of each augmentation.
    """

    name = "stylegan2"
    summary = "A StyleGAN2 generator trained on single images, many or few (Karras et al. 2020)."
    Options = StyleGAN2Options
    wants = "images"
    defaults: ClassVar = {"size": 64, "batch": 8, "steps": 5000, "ema": 0.998, "sample_every": 250}

    def __init__(self, options: StyleGAN2Options, device: i2i.Device) -> None:

        self.options, self.device = options, device
        self.half = device.type != "cpu"
        channel_base, channel_max = options.widths
        shared: dict[str, Any] = {"channel_base": channel_base, "channel_max": channel_max, "conv_clamp": CLAMP}
        sizes: dict[str, Any] = {
            "z_dim": options.latent,
            "w_dim": options.w_dim or options.latent,
            "mapping_layers": options.mapping_layers,
        }
        self.g = device.place(StyleGAN2Generator.create(options.size, **sizes, **shared))
        self.d = device.place(Discriminator.create(options.size, **shared))
        if device.compiled:  # place() compiles only forward(), which the generator lacks
            self.g.synthesis.compile()
        self.networks: dict[str, nn.Module] = {"generator": self.g, "discriminator": self.d}
        self.optimizers = {
            "generator": self._adam(self.g, PATH_EVERY if options.path_length else 0),
            "discriminator": self._adam(self.d, R1_EVERY if options.gamma else 0),
        }
        self.augment = AdaptiveAugmentation(
            options.augment, device, p=options.augment_p, target=options.ada_target, kimg=options.ada_kimg
        )
        self.steps = 0
        self.path_mean = torch.zeros([], device=device)
        self.penalties = {name: torch.zeros([], device=device) for name in ("r1", "pl")}

    def _adam(self, network: nn.Module, every: int) -> torch.optim.Optimizer:
        """Create Adam, corrected for the additional regularisation steps (appendix B)."""
        ratio = every / (every + 1) if every else 1.0
        return self.device.adam(network.parameters(), self.options.rate * ratio, (0.0, 0.99**ratio))

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update the generator, then the discriminator; each once more when its regularisation is due."""
        micro_batches = [part["target"] for part in self.device.parts(batch)]
        self.steps += 1
        losses = {"g": self._update_generator(micro_batches)}
        if self.options.path_length and self._due(PATH_EVERY):
            self.penalties["pl"] = self._regularise_paths(micro_batches)
        losses |= self._update_discriminator(micro_batches)
        if self.options.gamma and self._due(R1_EVERY):
            self.penalties["r1"] = self._regularise_r1(micro_batches)
        if self.steps % EVERY == 0:
            self.device.average([self.augment.signs])
            self.augment.adapt(EVERY * len(batch["target"]) * self.device.world)
        return {**losses, **self.penalties, "p": self.augment.p}

    def _due(self, every: int) -> bool:
        return (self.steps - 1) % every == 0

    def _update_generator(self, micro_batches: list[Tensor]) -> Tensor:
        """Update the generator against the current discriminator; return the loss."""
        self.d.requires_grad_(False)
        total, means = torch.zeros([], device=self.device), []
        for images in micro_batches:
            ws = self.latents(len(images))
            loss = generator_loss(self.logits(self.render(ws)))
            self.device.backward(loss, 1 / len(micro_batches))
            total += loss.detach() / len(micro_batches)
            means.append(ws[:, 0].detach().mean(dim=0))  # layer 0 is never mixed
        self.d.requires_grad_(True)
        self.device.update(self.optimizers["generator"])
        self.device.average([mean := torch.stack(means).mean(dim=0)])
        self.g.mapping.w_avg.lerp_(mean, 1 - W_MEMORY)
        return total

    def _regularise_paths(self, micro_batches: list[Tensor]) -> Tensor:
        """Update the generator by path length regularisation on half the batch; return the penalty."""
        total = torch.zeros([], device=self.device)
        for images in micro_batches:
            lengths = path_lengths(self._render_float32, self.latents(max(1, len(images) // 2)))
            self.device.average([mean := lengths.detach().mean()])
            self.path_mean = self.path_mean.lerp(mean, 1 - PATH_MEMORY)
            penalty = (lengths - self.path_mean).square().mean()
            self.device.backward(penalty * (self.options.path_length * PATH_EVERY), 1 / len(micro_batches))
            total += penalty.detach() / len(micro_batches)
        self.device.update(self.optimizers["generator"])
        return total

    def _update_discriminator(self, micro_batches: list[Tensor]) -> dict[str, Tensor]:
        """Update the discriminator on generated and real images; return its loss and the mean sign."""
        total = torch.zeros([], device=self.device)
        signs = []
        for images in micro_batches:
            with torch.no_grad():
                generated = self.render(self.latents(len(images)))
            fake, real = self.logits(generated), self.logits(images)
            loss = discriminator_loss(fake, real)
            self.device.backward(loss, 1 / len(micro_batches))
            total += loss.detach() / len(micro_batches)
            signs.append(self.augment.watch(real))
        self.device.update(self.optimizers["discriminator"])
        return {"d": total, "sign": torch.stack(signs).mean()}

    def _regularise_r1(self, micro_batches: list[Tensor]) -> Tensor:
        """Update the discriminator by R1 regularisation; return the penalty."""
        total = torch.zeros([], device=self.device)
        for images in micro_batches:
            # forward() is not compiled: compiled code has no second derivatives.
            penalty = r1_penalty(lambda real: self.d.forward(self.augment(real)), images)
            self.device.backward(penalty * (self.options.gamma / 2 * R1_EVERY), 1 / len(micro_batches))
            total += penalty.detach() / len(micro_batches)
        self.device.update(self.optimizers["discriminator"])
        return total

    def latents(self, n: int) -> Tensor:
        """Sample ``ws (n, num_ws, w_dim)``; with style mixing, most have the later layers of a second latent code."""
        num_ws = self.g.synthesis.num_ws
        first, second = self.g.mapping(torch.randn(2 * n, self.options.latent, device=self.device)).chunk(2)
        crossover = torch.randint(1, num_ws, (n, 1, 1), device=self.device)
        mixed = torch.rand(n, 1, 1, device=self.device) < self.options.mixing
        later = torch.arange(num_ws, device=self.device)[:, None] >= crossover
        return torch.where(mixed & later, second, first)

    def _autocast(self) -> AbstractContextManager[Any]:
        return self.device.autocast() if self.half else nullcontext()

    def render(self, ws: Tensor) -> Tensor:
        """Render images ``(N, 3, S, S)`` float32 with random noise, at the run's precision."""
        with self._autocast():  # read the type only: styles and images must stay float32
            half = torch.is_autocast_enabled(self.device.type)
            dtype = torch.get_autocast_dtype(self.device.type) if half else torch.float32
        self.g.synthesis.dtype = dtype
        images: Tensor = self.g.synthesis(ws, "random")
        self.g.synthesis.dtype = torch.float32
        return images

    def _render_float32(self, ws: Tensor) -> Tensor:
        """Render as ``render``, in float32 and uncompiled, so that second derivatives exist."""
        images: Tensor = self.g.synthesis.forward(ws, "random")
        return images

    def logits(self, images: Tensor) -> Tensor:
        """Compute the discriminator's logits ``(N, 1)`` of augmented images."""
        augmented = self.augment(images)
        with self._autocast():
            logits: Tensor = self.d(augmented)
        return logits

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Render as many images as ``batch["input"]`` has, from the same latent codes at each call; float32."""
        count = len(batch["input"])
        z = torch.randn(count, self.options.latent, generator=torch.Generator().manual_seed(self.options.seed))
        with torch.no_grad():
            ws = truncate(self.g.mapping(z.to(self.device)), self.g.mapping.w_avg, self.options.truncation)
            images = [self.g.synthesis(group, "const") for group in ws.split(self.options.batch)]
        return torch.cat(images).clamp(-1, 1)

    def generator(self) -> StyleGAN2:
        """Return a generator with a copy of the current weights, for sampling and editing."""
        tensors = {name: tensor.detach().float().cpu().clone() for name, tensor in self.g.state_dict().items()}
        return StyleGAN2(i2i.Weights("stylegan2", tensors, {"conv_clamp": CLAMP}), self.device)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of optimisers, steps, augmentation and penalties."""
        own = {"steps": self.steps, "augment": self.augment.state_dict(), "path_mean": self.path_mean.clone()}
        return {**super().state_dict(), **own, "penalties": dict(self.penalties)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the result of ``state_dict``."""
        super().load_state_dict(state)
        self.steps = state["steps"]
        self.augment.load_state_dict(state["augment"])
        self.path_mean = state["path_mean"].to(self.device)
        self.penalties = {name: value.to(self.device) for name, value in state["penalties"].items()}
