"""Files that hold no StyleGAN are nobody's business here; those with one that cannot be used get one clear sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import i2i
from i2i import Contents, Record
from i2i_plugins.stylegan import formats
from tests.plugins.stylegan import external_files as foreign
from tests.plugins.stylegan import small_networks as small
from tests.plugins.stylegan.stored import contents

TENSORS = small.stylegan2()


def without(*ends, of=TENSORS):
    return {name: value for name, value in of.items() if not name.endswith(ends)}


def old(tensors=TENSORS, version=4, renamed=None, **settings):
    """A file of TensorFlow's days, in which variables of the synthesis are called otherwise."""
    tree = foreign.tensorflow(tensors, small.discriminator(), version, **settings)
    synthesis = tree[2].state["components"]["synthesis"].state
    for before, after in (renamed or {}).items():
        synthesis["variables"] = [(name.replace(before, after), value) for name, value in synthesis["variables"]]
    return tree


def network(tensors=TENSORS, ends=("conv0",), **values):
    return foreign.attribute(foreign.record(tensors), ends, **values)


def clash():
    """A network whose layers do not clamp alike."""
    return foreign.attribute(network(ends=("conv0",), conv_clamp=256), ("conv1",), conv_clamp=None)


def labelled():
    tree = old()
    mapping = tree[2].state["components"]["mapping"].state
    mapping["variables"].append(("LabelConcat/weight", torch.zeros(3, 7)))
    return tree


def shaped(name, *shape):
    return TENSORS | {name: torch.zeros(shape)}


FILTERED = {n: torch.full((4, 4), 1 / 16) if n.endswith("filter") else v for n, v in TENSORS.items()}
ALONE = "it holds a discriminator and no generator; name a file that has the generator."
INSTEAD = "use a StyleGAN2 of configuration E or F, or a StyleGAN2-ADA."
REFUSED = {
    "StyleGAN1": (
        lambda: old(version=3, renamed={"4x4/Conv/mod_weight": "4x4/Conv/StyleMod/weight"}),
        f"it holds a StyleGAN1 (or configuration A of StyleGAN2), which i2i does not support; {INSTEAD}",
    ),
    "version 3": (
        lambda: old(version=3),
        f"it is a TensorFlow pickle of version 3, and i2i reads 4 and up; {INSTEAD}",
    ),
    "configuration D": (
        lambda: old(renamed={"16x16/ToRGB/": "ToRGB_lod0/", "8x8/ToRGB/": "ToRGB_lod1/"}),
        f"it holds a StyleGAN2 of configuration B, C or D, which i2i does not support; {INSTEAD}",
    ),
    "classes of the first code": (
        labelled,
        "it was trained on classes by StyleGAN2's first code, whose input of classes i2i does not support; "
        "use a StyleGAN2-ADA trained on classes.",
    ),
    "TensorFlow's kernel": (
        lambda: old(resample_kernel=(1, 2, 1)),
        f"its network was built with resample_kernel=(1, 2, 1); i2i supports [1, 3, 3, 1] only: {INSTEAD}",
    ),
    "TensorFlow's activation": (
        lambda: old(nonlinearity="relu"),
        f"its network was built with nonlinearity=relu; i2i supports lrelu only: {INSTEAD}",
    ),
    "a pickled discriminator": (lambda: foreign.record(small.discriminator(), "Discriminator"), ALONE),
    "a discriminator's state dict": (small.discriminator, ALONE),
    "rosinality's discriminator": (lambda: {"d": foreign.rosinality_discriminator(small.discriminator())}, ALONE),
    "TensorFlow's discriminator": (lambda: old()[1], ALONE),
    "one tensor missing": (
        lambda: without("b4.const"),
        "the StyleGAN2 generator lacks the tensor 'synthesis.b4.const'; get the file again.",
    ),
    "many tensors missing": (
        lambda: foreign.record(without("affine.bias")),
        "the StyleGAN2 generator lacks the tensor 'synthesis.b4.conv1.affine.bias' and 7 more; get the file again.",
    ),
    "a level missing": (
        lambda: {name: value for name, value in TENSORS.items() if ".b8." not in name},
        "the StyleGAN2 generator lacks the tensor 'synthesis.b8.conv1.weight'; get the file again.",
    ),
    "no mapping": (
        lambda: {name: value for name, value in TENSORS.items() if name.startswith("synthesis")},
        "the StyleGAN2 generator lacks the tensor 'mapping.fc0.weight'; get the file again.",
    ),
    "a tensor of another shape": (
        lambda: shaped("synthesis.b8.conv1.bias", 5),
        "the StyleGAN2 generator has 'synthesis.b8.conv1.bias' of shape (5,), where its other tensors need (6,); "
        "get the file again.",
    ),
    "a tensor without axes": (
        lambda: shaped("synthesis.b8.conv1.weight"),
        "the StyleGAN2 generator has 'synthesis.b8.conv1.weight' of shape (), not of 4 axes; get the file again.",
    ),
    "a variant": (
        lambda: shaped("mapping.embed_proj.weight", 2),
        "the StyleGAN2 generator has the tensor 'mapping.embed_proj.weight', which NVIDIA's StyleGAN2 does not have; "
        "i2i supports the original network only; use a file of that.",
    ),
    "images that are not square": (
        lambda: shaped("synthesis.b4.const", 8, 4, 2),
        "the StyleGAN2 generator starts from 4 x 2 px; i2i supports square images from 4 x 4.",
    ),
    "four colours": (
        lambda: small.stylegan2(colours=4),
        "the StyleGAN2 generator is for images of 4 channels; i2i supports grey (1) and colour (3).",
    ),
    "an odd level": (
        lambda: shaped("synthesis.b24.conv1.weight", 2, 2, 3, 3),
        "the StyleGAN2 generator has a level of 24 px, which is no power of two from 4 to 4096.",
    ),
    "another filter": (
        lambda: FILTERED,
        "the StyleGAN2 generator resamples with another filter than [1, 3, 3, 1], which i2i does not support.",
    ),
    "another activation": (
        lambda: network(ends=("fc0",), activation="relu"),
        "its network uses the activation 'relu'; i2i supports 'lrelu' only.",
    ),
    "layers that differ": (
        clash,
        "the layers of its network differ in 'conv_clamp'; i2i supports one value for all layers.",
    ),
    "an argument that is text": (
        lambda: network(ends=("conv0",), conv_clamp="much"),
        "the argument 'conv_clamp' of its network is 'much', no number; get the file again.",
    ),
    "StyleGAN3 without a layer": (
        lambda: {name: value for name, value in small.stylegan3().items() if ".L3_" not in name},
        "the StyleGAN3 generator lacks layers: it has 8, not numbered from 0 on; get the file again.",
    ),
    "StyleGAN3 without frequencies": (
        lambda: without("input.freqs", of=small.stylegan3()),
        "the StyleGAN3 generator lacks the tensor 'synthesis.input.freqs'; get the file again.",
    ),
    "StyleGAN3 with a wrong filter": (
        lambda: small.stylegan3() | {"synthesis.L0_28_8.up_filter": torch.zeros(2, 2, 2)},
        "the StyleGAN3 generator has 'synthesis.L0_28_8.up_filter' of shape (2, 2, 2), where its other tensors need "
        "a filter; get the file again.",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_read_refuses_unusable_files_in_one_sentence(kind):
    made, sentence = REFUSED[kind]
    with pytest.raises(i2i.I2IError) as caught:
        formats.read(contents(made()))
    assert str(caught.value) == sentence


def test_read_discriminator_names_the_missing_tensor():
    critic = without("b4.fc.bias", of=small.discriminator())
    sentence = "the StyleGAN2 discriminator lacks the tensor 'b4.fc.bias'; get the file again."
    with pytest.raises(i2i.I2IError, match=sentence.replace(".", r"\.")):
        formats.read_discriminator(contents({"D": critic}))


@pytest.mark.parametrize("value", ["256", float("nan"), [1], {}])
def test_header_arguments_must_be_numbers(value):
    header = {"family": "stylegan2", "arguments": {"lr_multiplier": value}}
    with pytest.raises(i2i.I2IError, match=r"the argument 'lr_multiplier' of its network is .*, no number"):
        formats.read(contents(TENSORS, "safetensors", i2i=json.dumps(header)))


def nested(depth):
    """Modules within modules, each twice: as many paths as two to the power of the depth."""
    inner = Record("Layer", {"_modules": {}})
    for _ in range(depth):
        inner = Record("Layer", {"_modules": {"synthesis": inner, "b4": inner}})
    return inner


def looped():
    """A network that contains itself."""
    network = Record("Generator", {"_modules": {}})
    network.state["_modules"]["synthesis"] = network
    return network


def endless():
    """A few dicts that share each other, so that there are millions of paths."""
    tree = {"x": torch.zeros(1)}
    for _ in range(7):
        tree = {str(index): tree for index in range(20)}
    return tree


OTHERS = {
    "nothing": lambda: None,
    "text": lambda: "synthesis.b4.const",
    "a list": lambda: [1, 2, 3],
    "numbers as keys": lambda: {0: {"exp_avg": torch.zeros(2)}, "lr": 0.1},
    "an encoder": lambda: {"conv1.weight": torch.zeros(64, 3, 3, 3), "layer1.0.conv1.weight": torch.zeros(1)},
    "an encoder of e4e": lambda: {"state_dict": {"encoder.styles.0.convs.0.weight": torch.zeros(1)}},
    "another final_linear": lambda: {"final_linear.1.weight": torch.zeros(1, 4)},
    "another pickled network": lambda: {
        "G_ema": foreign.record({f"backbone.{name}": value for name, value in TENSORS.items()}),
        "D": foreign.record(small.discriminator()),
    },
    "another network of TensorFlow": lambda: foreign._network({"": {"lod": torch.zeros(1)}}, 4, {}),
    "modules shared": lambda: nested(8),
    "names without end": lambda: {
        "x" * 300 + ".": TENSORS,
        "x" * 300 + ".synthesis.b4.conv1.affine.weight": torch.zeros(1),
    },
    "an empty record": lambda: Record("Generator", {}),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_read_returns_none_for_other_files(kind):
    found = contents(OTHERS[kind]())
    assert formats.read(found) is None
    assert formats.read_discriminator(found) is None


@pytest.mark.parametrize("made", [looped, endless, lambda: nested(40)], ids=["looped", "shared dicts", "nested"])
def test_read_ignores_recursive_trees(made):
    assert formats.read(Contents(Path("some.pkl"), "pickle", made())) is None


@pytest.mark.parametrize("header", ["", "no json", "[" * 100_000, "[1]", '{"family": ["x"]}', '{"trainer": "pix2pix"}'])
def test_header_of_other_software_is_ignored(header):
    assert formats.read(contents({"x": torch.zeros(1)}, "safetensors", i2i=header)) is None
    assert formats.read(contents(TENSORS, "safetensors", i2i=header)).arguments["conv_clamp"] is None
