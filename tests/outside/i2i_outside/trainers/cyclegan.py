"""CycleGAN (Zhu et al. 2017): two generators that translate between unpaired sides of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

import i2i

from .image_pool import ImagePool
from .networks import PatchDiscriminator, ResNetGenerator, initialise, least_squares


class CycleGANOptions(i2i.Options):
    """Options of ``cyclegan``; the defaults are those of the paper."""

    width: int = Field(64, ge=2, le=512, description="Channels of the first layer of both generators")
    blocks: int = Field(6, ge=0, le=32, description="Residual blocks; the paper has 6 at 128 px and 9 at 256 px")
    discriminator_width: int = Field(64, ge=2, le=512, description="Channels of the first layer of both discriminators")
    discriminator_layers: int = Field(3, ge=1, le=6, description="Downsampling layers of both discriminators")
    rate: float = Field(2e-4, gt=0, description="Learning rate of Adam")
    beta1: float = Field(0.5, ge=0, lt=1, description="First beta of Adam")
    cycle: float = Field(10.0, ge=0, description="Weight of the cycle loss")
    identity: float = Field(5.0, ge=0, description="Weight of the identity loss; 0 saves its passes")
    pool: int = Field(50, ge=0, description="Generated images kept for each discriminator; 0: only the latest")
    reverse: bool = Field(False, description="Translate the target side; for a run that is trained: --set reverse=true")


class CycleGAN(i2i.Trainer):
    """Networks ``forward`` (input to target) and ``backward``, and a discriminator for each side.

    The loss of the generators is, with G = ``forward`` and F = ``backward``, x the input and y the target::

        (D_target(G(x)) - 1)^2 + (D_input(F(y)) - 1)^2
        + cycle * (|F(G(x)) - x| + |G(F(y)) - y|) + identity * (|G(y) - y| + |F(x) - x|)

    and that of each discriminator ``((D(real) - 1)^2 + D(pooled)^2) / 2``; all terms are means.
    """

    name = "cyclegan"
    summary = "Two generators on unpaired images (Zhu et al. 2017)."
    wants = "unpaired"
    Options = CycleGANOptions
    averaged = ("forward", "backward")
    best_metric = "cycle"
    defaults: ClassVar[Mapping[str, Any]] = {"decay": 0.5}

    def __init__(self, options: CycleGANOptions, device: i2i.Device) -> None:
        self.options, self.device = options, device
        inputs, targets = self.data.input_channels, self.data.target_channels
        if inputs != targets and options.identity:
            raise i2i.UsageError("The identity loss needs sides with equal channels: give --identity 0.")
        size, layers = options.discriminator_width, options.discriminator_layers
        self.networks = {
            name: device.place(initialise(network))
            for name, network in {
                "forward": ResNetGenerator(inputs, targets, options.width, options.blocks),
                "backward": ResNetGenerator(targets, inputs, options.width, options.blocks),
                "input_discriminator": PatchDiscriminator(inputs, size, layers),
                "target_discriminator": PatchDiscriminator(targets, size, layers),
            }.items()
        }
        self.multiple = ResNetGenerator.multiple
        betas = (options.beta1, 0.999)
        generators = [*self.networks["forward"].parameters(), *self.networks["backward"].parameters()]
        self.optimizers = {"generators": device.adam(generators, options.rate, betas)}
        for side in ("input", "target"):
            parameters = self.networks[f"{side}_discriminator"].parameters()
            self.optimizers[f"{side}_discriminator"] = device.adam(parameters, options.rate, betas)
        self.pools = {side: ImagePool(options.pool) for side in ("input", "target")}

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update both generators against the current discriminators, then both discriminators."""
        parts = self.device.parts(batch)
        losses: dict[str, Tensor] = {}

        def add(loss: Tensor, name: str) -> None:
            losses[name] = losses.get(name, 0) + loss.detach() / len(parts)

        fakes = []
        self._discriminators_learn(False)
        for part in parts:
            terms, made = self.generator_losses(part)
            self.device.backward(self.weighted(terms), 1 / len(parts))
            fakes.append(made)
            for name, loss in terms.items():
                add(loss, f"g_{name}")
        self._discriminators_learn(True)
        self.device.update(self.optimizers["generators"])

        for side in ("input", "target"):
            for part, made in zip(parts, fakes, strict=True):
                loss = self.discriminator_loss(side, part[side], self.pools[side].exchange(made[side]))
                self.device.backward(loss, 1 / len(parts))
                add(loss, f"d_{side}")
            self.device.update(self.optimizers[f"{side}_discriminator"])
        return losses

    def generator_losses(self, batch: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Compute the terms of the loss of the generators before they are weighted.

        Returns:
            The terms ``adversarial``, ``cycle`` and, if it has a weight, ``identity``; and the generated images of
            each side, detached.
        """
        x, y = batch["input"], batch["target"]
        forward, backward = self.networks["forward"], self.networks["backward"]
        with self.device.autocast():
            fake_y, fake_x = forward(x), backward(y)
            cycle_x, cycle_y = backward(fake_y), forward(fake_x)
            judged = self.judge("target", fake_y), self.judge("input", fake_x)
            same = (forward(y), backward(x)) if self.options.identity else None
        terms = {
            "adversarial": least_squares(judged[0], True) + least_squares(judged[1], True),
            "cycle": l1(cycle_x, x) + l1(cycle_y, y),
        }
        if same is not None:
            terms["identity"] = l1(same[0], y) + l1(same[1], x)
        return terms, {"input": fake_x.detach(), "target": fake_y.detach()}

    def discriminator_loss(self, side: str, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the loss of the discriminator of a side for real images and images of the pool."""
        with self.device.autocast():
            on_real, on_fake = self.judge(side, real), self.judge(side, fake)
        return (least_squares(on_real, True) + least_squares(on_fake, False)) / 2

    def judge(self, side: str, images: Tensor) -> Tensor:
        """Return the logits of the discriminator of a side."""
        logits: Tensor = self.networks[f"{side}_discriminator"](images)[-1]
        return logits

    def weighted(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of the generators: the sum of its terms by their weights."""
        weights = {"adversarial": 1.0, "cycle": self.options.cycle, "identity": self.options.identity}
        return torch.stack([weights[name] * loss for name, loss in terms.items()]).sum()

    def sample(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Translate the input, and back; of a batch with both sides also the target. The first panel is the output."""
        first, second = ("backward", "forward") if self.options.reverse else ("forward", "backward")
        panels = self._there_and_back(batch["input"], first, second)
        if "target" in batch and not self.options.reverse:
            panels |= self._there_and_back(batch["target"], second, first)
        return panels

    def validate(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """Measure how well both cycles return to where they began: mean absolute distances in [0, 1]."""
        there = self._there_and_back(batch["input"], "forward", "backward")["forward, backward"]
        back = self._there_and_back(batch["target"], "backward", "forward")["backward, forward"]
        distances = {"cycle_input": l1(there, batch["input"]) / 2, "cycle_target": l1(back, batch["target"]) / 2}
        return {**{name: float(loss) for name, loss in distances.items()}, "cycle": float(sum(distances.values())) / 2}

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the optimisers, and the images of the pools: without them a resumed run differs."""
        return {"optimizers": super().state_dict(), "pools": {side: pool.images for side, pool in self.pools.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        super().load_state_dict(state["optimizers"])
        for side, images in state["pools"].items():
            self.pools[side].images = [image.to(self.device) for image in images]

    def _discriminators_learn(self, learn: bool) -> None:
        for side in ("input", "target"):
            self.networks[f"{side}_discriminator"].requires_grad_(learn)

    def _there_and_back(self, images: Tensor, first: str, second: str) -> dict[str, Tensor]:
        with torch.no_grad(), self.device.autocast():
            there = self.networks[first](images)
            back = self.networks[second](there)
        return {first: there.float(), f"{first}, {second}": back.float()}


def l1(images: Tensor, others: Tensor) -> Tensor:
    """Return the mean absolute distance of images."""
    return (images.float() - others).abs().mean()
