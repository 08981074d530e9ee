"""The contract of everything that i2i itself registers."""

from __future__ import annotations

import torch

import i2i
import i2i.testing
from tests.plugins.mobilestylegan import small
from tests.plugins.stylegan import small_networks


def stylegan3() -> i2i.Weights:
    """A random network with low-pass filters and positive magnitudes: others amplify rounding without bound."""
    tensors = small_networks.stylegan3()
    for name, tensor in tensors.items():
        if name.endswith("_filter"):
            tensors[name] = torch.ones_like(tensor) / tensor.numel()
        elif name.endswith("magnitude_ema"):
            tensors[name] = tensor.abs() + 1
    return i2i.Weights("stylegan3", tensors)


DOWNLOADED = "its weights are downloaded; parity tests hold it with recorded ones"
VGG16 = "the weights of VGG16 are downloaded; tests/plugins/test_perceptual_vgg16.py calls it with random ones"


class TestContract(i2i.testing.PluginContract):
    distribution = "i2i"
    options = {
        "trainer:pix2pix": {"levels": 3, "width": 4, "discriminator_width": 4, "patch": 16},
        "trainer:stylegan2": {"channel_base": 128, "channel_max": 8, "latent": 8},
        "trainer:encoder": {"generator": "demo-faces", "width": 4, "pool": 4, "image_part": 0.5, "validate_every": 3},
        "editor:drag": {"point": ("16,16:18,16",)},
        "editor:invert": {"method": "projector"},
        "editor:text": {"prompt": ("smile",)},
        "inverter:hybrid-pti": {"tune_steps": 2},
        "inverter:pti": {"tune_steps": 2},
    }
    images = {"editor:mix": ("image=seed:0", "other=seed:1")}
    weights = {
        "stylegan2": "demo-faces",
        "stylegan3": stylegan3(),
        "mobilestylegan": i2i.Weights("mobilestylegan", small.tensors()),
    }
    generators = {f"extractor:demo-{role}": "demo-faces" for role in ("encoder", "identity", "landmarks", "text")}
    left_out = {
        "extractor:arcface": DOWNLOADED,
        "extractor:e4e": DOWNLOADED,
        "extractor:face-alignment": DOWNLOADED,
        "extractor:faceplugin-identity": DOWNLOADED,
        "extractor:faceplugin-landmarks": DOWNLOADED,
        "extractor:faceplugin-pose": DOWNLOADED,
        "extractor:open-clip": DOWNLOADED,
        "extractor:trained-encoder": "it reads a run; tests/plugins/test_encoder.py calls it with one",
        "extractor:lpips-vgg": VGG16,
        "extractor:vgg16": VGG16,
        "inverter:image2stylegan": VGG16,
        "metric:frechet": VGG16,
        "metric:lpips-vgg": VGG16,
    }
