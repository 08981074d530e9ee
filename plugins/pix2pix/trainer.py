"""pix2pix (Isola et al. 2017): a generator judged by a conditional PatchGAN and by its distance to the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

from .foreign import KINDS
from .options import Pix2PixOptions

if TYPE_CHECKING:
    from torch import Tensor


class Pix2Pix(i2i.Trainer):
    """Networks ``generator`` and ``discriminator``; input and target ``(N, 3, H, W)`` in [-1, 1]."""

    name = "pix2pix"
    summary = "U-Net and PatchGAN on pairs of pictures (Isola et al. 2017)."
    Options = Pix2PixOptions
    kinds = KINDS

    def __init__(self, options: Pix2PixOptions, device: i2i.Device) -> None:
        from .losses import adversarial
        from .networks import PatchGAN, build_generator, initialise

        self.options, self.device = options, device
        inputs, outputs = self.data.input_channels, self.data.target_channels
        self.generator = device.place(initialise(build_generator(options, inputs, outputs)))
        self.discriminator = device.place(
            initialise(PatchGAN(options.halvings, options.discriminator_width, options.norm, inputs + outputs))
        )
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.multiple = self.generator.multiple
        betas = (options.beta1, options.beta2)
        self.optimizers = {
            name: device.adam(net.parameters(), options.rate, betas) for name, net in self.networks.items()
        }
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
