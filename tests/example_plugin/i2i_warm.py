"""A stranger's plugin, whole: it imports i2i and nothing else of the house."""

from pydantic import Field

import i2i


class Warm(i2i.Editor):
    name = "warm"
    summary = "Warm the colours of the photo."
    photos = ("image",)
    extractors = ()
    wants = "pixels"

    class Options(i2i.Options):
        strength: float = Field(0.5, ge=0, le=1, description="0 keeps the photo")

    def edit(self, scene, options):
        x = scene.photos["image"].pixels  # (1, 3, H, W) float32 in [-1, 1] on scene.device
        y = x + options.strength * x.new_tensor([0.2, 0.0, -0.2]).view(1, 3, 1, 1)
        return i2i.Result(image=y.clamp(-1, 1), scalars={"shift": 0.2 * options.strength})


class Tint(i2i.Trainer):
    name = "tint"
    summary = "One colour added to every picture, learnt by L1."

    class Options(i2i.Options):
        rate: float = Field(0.05, gt=0, description="Adam's learning rate")

    def __init__(self, options, device):
        import torch

        network = torch.nn.Conv2d(3, 3, 1).to(device)
        self.networks = {"tint": network}
        self.optimizers = {"tint": torch.optim.Adam(network.parameters(), lr=options.rate)}

    def step(self, batch):
        loss = (self.networks["tint"](batch["input"]) - batch["target"]).abs().mean()
        self.optimizers["tint"].zero_grad()
        loss.backward()
        self.optimizers["tint"].step()
        return {"l1": loss.detach()}

    def sample(self, batch):
        import torch

        with torch.no_grad():
            return self.networks["tint"](batch["input"])


class Stripes(i2i.Dataset):
    name = "stripes"
    summary = "Upright stripes (A) and the same lying down (B)."
    licence = "MIT"
    sides = ("upright", "lying")
    drawn = {"train": 12, "val": 4}

    def draw(self, rng, size):
        import numpy as np

        colours = rng.integers(0, 256, (2, 3), dtype=np.uint8)
        upright = np.repeat(colours[np.arange(size) // 4 % 2][None], size, axis=0)
        return upright, upright.transpose(1, 0, 2).copy()


class Bias(i2i.Metric):
    name = "bias"
    summary = "Mean of output minus target, pictures in [0, 1]."
    better = "lower"

    def __init__(self, device):
        self.total, self.count = 0.0, 0

    def update(self, output, target):
        self.total += float(((output - target) / 2).mean(dim=(1, 2, 3)).sum())
        self.count += len(output)

    def compute(self):
        return self.total / self.count


@i2i.hookimpl
def register_editors(register):
    register(Warm)


@i2i.hookimpl
def register_trainers(register):
    register(Tint)


@i2i.hookimpl
def register_datasets(register):
    register(Stripes)


@i2i.hookimpl
def register_metrics(register):
    register(Bias)
