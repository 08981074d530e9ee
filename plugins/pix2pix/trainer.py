"""pix2pix (Isola et al. 2017): a generator judged by a conditional PatchGAN and by its distance to the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

import i2i

from .foreign import KINDS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .networks import Norm


class Options(i2i.Options):
    """The paper's numbers are the defaults."""

    generator: Literal["unet", "unet-full", "resnet9"] = Field(
        "unet", description="unet halves the picture from the start, unet-full after a full-size 3x3 layer, resnet9 twice"
    )
    levels: int = Field(0, ge=0, le=10, description="halvings of the U-Net; 0: as many as the size allows, at most 8")
    width: int = Field(64, ge=1, le=512, description="channels of the generator's first layer")
    patch: Literal[16, 70, 286] = Field(70, description="size of the patches the discriminator judges", json_schema_extra={"unit": "px"})
    discriminator_width: int = Field(64, ge=1, le=512, description="channels of the discriminator's first layer")
    norm: Literal["batch", "instance"] = Field(
        "batch", description="batch: the paper's; instance: the same at batch 1, and independent of batch mates at any other"
    )
    dropout: Literal["paper", "common", "none"] = Field(
        "paper", description="decoder levels that drop values: the innermost three, or those of the common reimplementation"
    )
    gan: Literal["vanilla", "lsgan"] = Field("vanilla", description="adversarial loss: cross-entropy or least squares")
    l1: float = Field(100.0, ge=0, description="weight of the L1 distance to the target")
    rate: float = Field(2e-4, gt=0, description="Adam's learning rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first momentum")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second momentum")
    test: Literal["plain", "paper"] = Field(
        "plain", description="plain: no dropout, the same picture twice; paper: dropout and the picture's own statistics, as published"
    )
    size: int = Field(256, ge=16, description="set by the run", json_schema_extra={"unit": "px"})
    seed: int = Field(0, ge=0, description="set by the run")


class Pix2Pix(i2i.Trainer):
    """Networks ``generator`` and ``discriminator``; input and target ``(N, 3, H, W)`` in [-1, 1]."""

    name = "pix2pix"
    summary = "U-Net and PatchGAN on pairs of pictures (Isola et al. 2017)."
    Options = Options
    kinds = KINDS

    def __init__(self, options: Options, device: i2i.Device) -> None:
        from .losses import adversarial
        from .networks import PatchGAN, initialise

        self.options, self.device = options, device
        self.generator = device.place(initialise(build_generator(options)))
        layers = {16: 1, 70: 3, 286: 5}[options.patch]
        self.discriminator = device.place(
            initialise(PatchGAN(layers, options.discriminator_width, options.norm))
        )
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.multiple = int(self.generator.multiple)
        betas = (options.beta1, options.beta2)
        self.optimizers = {name: device.adam(net.parameters(), options.rate, betas) for name, net in self.networks.items()}
        self.adversarial = adversarial(options.gan)

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update the discriminator on real and generated pairs, then the generator against the new discriminator."""
        parts = self.device.parts(batch)
        share = 1 / len(parts)
        losses: dict[str, Tensor] = {}

        def note(name: str, loss: Tensor) -> None:
            losses[name] = losses.get(name, 0) + loss.detach() * share

        # One part keeps its picture and its graph for the generator's turn; several would need the memory of all.
        output = None
        for part in parts:
            output = self.generate(part["input"], learn=len(parts) == 1)
            fake, real = (self.judge(part["input"], picture) for picture in (output.detach(), part["target"]))
            loss_fake, loss_real = self.adversarial(fake, False), self.adversarial(real, True)
            self.device.backward((loss_fake + loss_real) / 2, share)
            note("d_fake", loss_fake)
            note("d_real", loss_real)
        self.device.update(self.optimizers["discriminator"])

        self.discriminator.requires_grad_(False)
        for part in parts:
            if len(parts) > 1 or output is None:
                output = self.generate(part["input"], learn=True)
            loss_gan = self.adversarial(self.judge(part["input"], output), True)
            loss_l1 = (output.float() - part["target"]).abs().mean()
            self.device.backward(loss_gan + self.options.l1 * loss_l1, share)
            note("g_gan", loss_gan)
            note("g_l1", loss_l1)
        self.discriminator.requires_grad_(True)
        self.device.update(self.optimizers["generator"])
        return losses

    def generate(self, x: Tensor, learn: bool) -> Tensor:
        """The generator's picture, with or without what a backward pass needs."""
        import torch

        with torch.set_grad_enabled(learn), self.device.autocast():
            y: Tensor = self.generator(x)
        return y

    def judge(self, source: Tensor, picture: Tensor) -> Tensor:
        """The discriminator's logits for a pair."""
        with self.device.autocast():
            logits: Tensor = self.discriminator(source, picture)
        return logits

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Pictures in the way of ``options.test``; the same ones each time, and training is left as it was."""
        import torch

        was_training = self.generator.training
        paper = self.options.test == "paper"
        self.generator.eval()
        with torch.random.fork_rng(enabled=paper), torch.no_grad(), self.device.autocast():
            if paper:
                torch.manual_seed(self.options.seed)
                y = torch.cat([self._as_published(x) for x in batch["input"].split(1)])
            else:
                y = self.generator(batch["input"])
        self.generator.train(was_training)
        return y.float()

    def _as_published(self, x: Tensor) -> Tensor:
        """One picture as in training; the running statistics are left alone."""
        from .networks import as_in_training

        with as_in_training(self.generator):
            y: Tensor = self.generator(x)
        return y


def build_generator(options: Options) -> nn.Module:
    """The generator that the options describe, not yet initialised.

    Raises:
        UsageError: the size does not suit the depth.
    """
    from .networks import ResNet, UNet

    norm: Norm = options.norm
    if options.generator == "resnet9":
        network: nn.Module = ResNet(9, options.width, norm)
    else:
        stem = options.generator == "unet-full"
        levels = options.levels or (5 if stem else min(8, (options.size & -options.size).bit_length() - 1))
        network = UNet(max(levels, 2), options.width, norm, options.dropout, stem)
    if options.size % int(network.multiple):
        raise i2i.UsageError(
            f"--size {options.size} does not suit this generator, which halves the picture "
            f"{int(network.multiple).bit_length() - 1} times: give a multiple of {network.multiple}, or fewer --levels."
        )
    return network
