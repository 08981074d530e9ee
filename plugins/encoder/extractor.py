"""The extractor ``trained-encoder``: an encoder that ``i2i train encoder`` trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import check_rgb, resize_images
from i2i.toolkit.weights import read_weights
from i2i.toolkit.weights.state_dicts import read_state_dict

from .fingerprint import Fingerprint
from .network import TrainedNetwork
from .options import TrainedEncoderOptions

TRAINER = "encoder"


class TrainedEncoder(i2i.Extractor):
    """Encodes images as latents of the generator that the encoder was trained for."""

    name = "trained-encoder"
    summary = "Latents of images for the generator that an encoder was trained for by 'i2i train encoder'."
    role: ClassVar[Literal["encoder"]] = "encoder"
    domain = "any"
    automatic = False
    reads = "file"
    Options = TrainedEncoderOptions

    num_ws: int
    """Layers of a latent code."""
    w_dim: int
    """Dimension of each layer."""
    size: tuple[int, int]
    """Height and width of the training images, pixels."""

    def __init__(self, device: i2i.Device, options: TrainedEncoderOptions) -> None:
        """Load the encoder of a run, averaged where the run averages, or of an exported file.

        Raises:
            i2i.UsageError: none is named, or there is no such file.
            i2i.I2IError: it cannot be read, or is something else.
        """
        if options.file is None:
            raise i2i.UsageError(
                "Name the encoder: --encoder RUN, of a run of 'i2i train encoder', or its exported file."
            )
        self.file = Path(options.file)
        tensors, self.generator = _open(self.file)
        try:
            network = TrainedNetwork.from_tensors(tensors)
        except i2i.I2IError as error:
            raise i2i.I2IError(f"{self.file}: {error}") from None
        self.num_ws, self.w_dim, self.size = network.num_ws, network.w_dim, (network.size, network.size)
        self._fingerprint = Fingerprint.stored(network)
        self._fitting: i2i.Generator | None = None
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def check(self, generator: i2i.Generator) -> None:
        """Refuse another generator than the one that the encoder was trained for; see ``i2i.Extractor.check``."""
        if generator is self._fitting:
            return
        if not Fingerprint.of(generator).fits(self._fingerprint):
            raise i2i.I2IError(
                f"The encoder {self.file} was trained for the generator {self.generator!r}, and this is another one: "
                "name that one with --generator, or train one for this with 'i2i train encoder --generator NAME'."
            )
        self._fitting = generator

    def __call__(self, images: Tensor) -> Tensor:
        """Encode aligned images as latent codes ``(N, num_ws, w_dim)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to ``size`` with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        check_rgb(images, self.name)
        with torch.autocast(images.device.type, enabled=False):
            latents: Tensor = self._network(resize_images(images, *self.size))
        return latents


def _open(path: Path) -> tuple[Mapping[str, Tensor], str]:
    """Return the tensors of an encoder in a run or an exported file, and the generator's name.

    Raises:
        i2i.UsageError: the run is of another trainer, or there is no such file or run.
        i2i.I2IError: it cannot be read.
    """
    if path.is_dir():
        run = i2i.open_run(path)
        if run.options["trainer"] != TRAINER:
            raise i2i.UsageError(
                f"{path} is a run of {run.options['trainer']}, not of an encoder: name one of 'i2i train encoder'."
            )
        return run.sole_network(), str(run.options["options"]["generator"])
    if not path.exists():
        raise i2i.UsageError(f"There is no file or run {path}, named as an encoder; check the path.")
    options = read_weights(path).header.get("options")
    generator = options.get("generator") if isinstance(options, Mapping) else None
    return read_state_dict(path), str(generator or "of its training")
