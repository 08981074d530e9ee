"""StyleGAN2 learnt from single pictures (Karras et al. 2020), with adaptive augmentation for small sets."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

import i2i

from .options import StyleGAN2Options

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from ..generators import StyleGAN2

PATH_EVERY, R1_EVERY = 4, 16
"""Steps between two turns of path length regularisation and of R1 (appendix B: lazy regularisation)."""
PATH_MEMORY, W_MEMORY = 0.99, 0.995
"""Shares that stay of the mean path length at each turn, and of the mean latent at each step."""
CLAMP = 256.0
"""Activations are limited to this, as in StyleGAN2-ADA's training, so that they fit half precision."""


class StyleGAN2Trainer(i2i.Trainer):
    """Networks ``generator`` and ``discriminator``; learns from ``batch["target"]``, ``(N, 3, S, S)`` in [-1, 1].

    The averaged weights keep 0.998 of themselves at each step: half of what they hold is younger than 346 steps, as in
    StyleGAN2-ADA's training, where it is 10,000 / 32 = 313 steps for every size of batch.

    On a CPU all is float32, whatever the run's precision: bf16 takes 1.7 to 2.5 times as long there, even where the
    processor has instructions for it.

    Losses: ``g`` and ``d``, the two players'; ``r1`` and ``pl``, the penalties as last computed, unweighted; ``sign``,
    the mean sign of the logits of real pictures, and ``p``, the probability of each change of augmentation.
    """

    name = "stylegan2"
    summary = "A StyleGAN2 generator learnt from single pictures, many or few (Karras et al. 2020)."
    Options = StyleGAN2Options
    wants = "pictures"
    defaults: ClassVar = {"size": 64, "batch": 8, "steps": 5000, "ema": 0.998, "sample_every": 250}

    def __init__(self, options: StyleGAN2Options, device: i2i.Device) -> None:
        import torch

        from ..networks.discriminator import Discriminator
        from ..networks.stylegan2 import Generator
        from .augmentation import Augmentation

        self.options, self.device = options, device
        self.half = device.type != "cpu"
        base, most = options.widths
        shared: dict[str, Any] = {"channel_base": base, "channel_max": most, "conv_clamp": CLAMP}
        sizes: dict[str, Any] = {
            "z_dim": options.latent,
            "w_dim": options.w_dim or options.latent,
            "mapping_layers": options.mapping_layers,
        }
        self.g = device.place(Generator.create(options.size, **sizes, **shared))
        self.d = device.place(Discriminator.create(options.size, **shared))
        if device.compiled:  # place compiles a network's own forward, and the generator has none
            self.g.synthesis.compile()
        self.networks: dict[str, nn.Module] = {"generator": self.g, "discriminator": self.d}
        self.optimizers = {
            "generator": self._adam(self.g, PATH_EVERY if options.path_length else 0),
            "discriminator": self._adam(self.d, R1_EVERY if options.gamma else 0),
        }
        self.augment = Augmentation(
            options.augment, device, p=options.augment_p, target=options.ada_target, kimg=options.ada_kimg
        )
        self.steps = 0
        self.path_mean = torch.zeros([], device=device)
        self.penalties = {name: torch.zeros([], device=device) for name in ("r1", "pl")}

    def _adam(self, network: nn.Module, every: int) -> torch.optim.Optimizer:
        """Adam that learns as fast with its additional steps of regularisation as without them (appendix B)."""
        share = every / (every + 1) if every else 1.0
        return self.device.adam(network.parameters(), self.options.rate * share, (0.0, 0.99**share))

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update the generator, then the discriminator, each once more when its regularisation is due."""
        from .augmentation import EVERY

        parts = [part["target"] for part in self.device.parts(batch)]
        self.steps += 1
        losses = {"g": self._fool(parts)}
        if self.options.path_length and self._due(PATH_EVERY):
            self.penalties["pl"] = self._even_paths(parts)
        losses |= self._tell_apart(parts)
        if self.options.gamma and self._due(R1_EVERY):
            self.penalties["r1"] = self._smooth(parts)
        if self.steps % EVERY == 0:
            self.device.average([self.augment.signs])
            self.augment.adapt(EVERY * len(batch["target"]) * self.device.world)
        return {**losses, **self.penalties, "p": self.augment.p}

    def _due(self, every: int) -> bool:
        return (self.steps - 1) % every == 0

    def _fool(self, parts: list[Tensor]) -> Tensor:
        """Update the generator against the discriminator as it is."""
        import torch

        from .losses import fools

        self.d.requires_grad_(False)
        total, means = torch.zeros([], device=self.device), []
        for part in parts:
            ws = self.latents(len(part))
            loss = fools(self.logits(self.render(ws)))
            self.device.backward(loss, 1 / len(parts))
            total += loss.detach() / len(parts)
            means.append(ws[:, 0].detach().mean(dim=0))  # no row 0 is mixed
        self.d.requires_grad_(True)
        self.device.update(self.optimizers["generator"])
        self.device.average([mean := torch.stack(means).mean(dim=0)])
        self.g.mapping.w_avg.lerp_(mean, 1 - W_MEMORY)
        return total

    def _even_paths(self, parts: list[Tensor]) -> Tensor:
        """Update the generator so that equal steps in w change its pictures equally, on half as many pictures."""
        import torch

        from .losses import path_lengths

        total = torch.zeros([], device=self.device)
        for part in parts:
            lengths = path_lengths(self._render_exactly, self.latents(max(1, len(part) // 2)))
            self.device.average([mean := lengths.detach().mean()])
            self.path_mean = self.path_mean.lerp(mean, 1 - PATH_MEMORY)
            penalty = (lengths - self.path_mean).square().mean()
            self.device.backward(penalty * (self.options.path_length * PATH_EVERY), 1 / len(parts))
            total += penalty.detach() / len(parts)
        self.device.update(self.optimizers["generator"])
        return total

    def _tell_apart(self, parts: list[Tensor]) -> dict[str, Tensor]:
        """Update the discriminator on generated and real pictures."""
        import torch

        from .losses import tells

        total = torch.zeros([], device=self.device)
        signs = []
        for part in parts:
            with torch.no_grad():
                made = self.render(self.latents(len(part)))
            fake, real = self.logits(made), self.logits(part)
            loss = tells(fake, real)
            self.device.backward(loss, 1 / len(parts))
            total += loss.detach() / len(parts)
            signs.append(self.augment.watch(real))
        self.device.update(self.optimizers["discriminator"])
        return {"d": total, "sign": torch.stack(signs).mean()}

    def _smooth(self, parts: list[Tensor]) -> Tensor:
        """Update the discriminator so that its logits are flat around real pictures."""
        import torch

        from .losses import r1

        total = torch.zeros([], device=self.device)
        for part in parts:
            # By ``forward``: compiled code has no second derivative.
            penalty = r1(lambda pictures: self.d.forward(self.augment(pictures)), part)
            self.device.backward(penalty * (self.options.gamma / 2 * R1_EVERY), 1 / len(parts))
            total += penalty.detach() / len(parts)
        self.device.update(self.optimizers["discriminator"])
        return total

    def latents(self, n: int) -> Tensor:
        """Draw ``ws (n, num_ws, w_dim)``; most have the later rows of a second latent (style mixing)."""
        import torch

        rows = self.g.synthesis.num_ws
        one, other = self.g.mapping(torch.randn(2 * n, self.options.latent, device=self.device)).chunk(2)
        change = torch.randint(1, rows, (n, 1, 1), device=self.device)
        mixed = torch.rand(n, 1, 1, device=self.device) < self.options.mixing
        later = torch.arange(rows, device=self.device)[:, None] >= change
        return torch.where(mixed & later, other, one)

    def _autocast(self) -> AbstractContextManager[Any]:
        return self.device.autocast() if self.half else nullcontext()

    def render(self, ws: Tensor) -> Tensor:
        """Pictures ``(N, 3, S, S)`` float32 with fresh noise, computed at the run's precision."""
        import torch

        with self._autocast():  # only asked what it would do: styles and pictures must stay float32
            half = torch.is_autocast_enabled(self.device.type)
            dtype = torch.get_autocast_dtype(self.device.type) if half else torch.float32
        self.g.synthesis.dtype = dtype
        pictures: Tensor = self.g.synthesis(ws, "random")
        self.g.synthesis.dtype = torch.float32
        return pictures

    def _render_exactly(self, ws: Tensor) -> Tensor:
        """As ``render``, in float32 and uncompiled, so that gradients have gradients."""
        pictures: Tensor = self.g.synthesis.forward(ws, "random")
        return pictures

    def logits(self, pictures: Tensor) -> Tensor:
        """The discriminator on augmented pictures: ``(N, 1)``."""
        changed = self.augment(pictures)
        with self._autocast():
            logits: Tensor = self.d(changed)
        return logits

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """As many pictures as ``batch["input"]`` has, of the same latents each time; float32, a few at a time."""
        import torch

        count = len(batch["input"])
        z = torch.randn(count, self.options.latent, generator=torch.Generator().manual_seed(self.options.seed))
        with torch.no_grad():
            ws = self.g.mapping(z.to(self.device), truncation=self.options.truncation)
            made = [self.g.synthesis(few, "const") for few in ws.split(self.options.batch)]
        return torch.cat(made).clamp(-1, 1)

    def generator(self) -> StyleGAN2:
        """What was learnt, to sample from and to edit with; a copy of the weights as they are now."""
        from ..generators import StyleGAN2

        tensors = {name: tensor.detach().float().cpu().clone() for name, tensor in self.g.state_dict().items()}
        return StyleGAN2(i2i.Weights("stylegan2", tensors, {"conv_clamp": CLAMP}), self.device)

    def state_dict(self) -> dict[str, Any]:
        """Optimisers, the number of steps, augmentation and the running values of the penalties."""
        mine = {"steps": self.steps, "augment": self.augment.state_dict(), "path_mean": self.path_mean.clone()}
        return {**super().state_dict(), **mine, "penalties": dict(self.penalties)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        super().load_state_dict(state)
        self.steps = state["steps"]
        self.augment.load_state_dict(state["augment"])
        self.path_mean = state["path_mean"].to(self.device)
        self.penalties = {name: value.to(self.device) for name, value in state["penalties"].items()}
