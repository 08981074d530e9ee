"""FAN and S3FD against numbers recorded from face-alignment's own networks, and the files that hold them."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import i2i
from i2i.toolkit.weights.state_dicts import read_state_dict
from i2i_plugins.face_alignment.extractor import read_fan, read_s3fd
from i2i_plugins.face_alignment.fan import FAN, FANSizes
from i2i_plugins.face_alignment.s3fd import S3FD, STRIDES, boxes_of
from tests.plugins.face_alignment.networks import NARROW, TINY, State, shapes, stand_in, waves

RELATIVE = 1e-4
"""Two float32 implementations differ by the order of their sums; when these numbers were recorded, not at all."""
PUBLISHED = {
    "fan": (lambda: FAN(FANSizes()), 1129, 23_874_504, "0d87cf689f0e7da5"),
    "s3fd": (S3FD, 65, 22_459_110, "90505009c0c337d9"),
}
"""Tensors, their elements, and the sum over names and shapes, of the networks of face-alignment 1.5.0."""
THEIR_MAPS = (-0.67525, 27.88867, 15.00209, 36.35392, 9.78836)
"""Of FAN(2) in face-alignment: mean and deviation of the last heat maps, and places in three of them."""
THEIR_OUTPUTS = (
    (0.36411, 0.05108, -0.15856, 0.26566),
    (0.47108, 0.03180, 0.06372, 0.18979),
    (0.57552, 0.03876, -0.00948, 0.16937),
    (0.44848, 0.09370, 0.16163, 0.36763),
    (0.50497, 0.03567, -0.05477, 0.14471),
    (0.55698, 0.01825, 0.00440, 0.13517),
)
"""Of its S3FD, for each output: mean and deviation of the scores (after softmax) and of the offsets."""


def tiny_fan() -> State:
    return stand_in(shapes(FAN(TINY)))


def tiny_s3fd() -> State:
    return stand_in(shapes(S3FD(NARROW)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_equal_published(name: str) -> None:
    build, count, elements, digest = PUBLISHED[name]
    with torch.device("meta"):
        found = shapes(build())
    text = "\n".join(f"{key} {shape}" for key, shape in sorted(found.items()))
    assert (len(found), sum(map(math.prod, found.values()))) == (count, elements)
    assert hashlib.sha256(text.encode()).hexdigest().startswith(digest)


def test_fan_equals_reference(one_thread: None) -> None:
    with torch.device("meta"):
        state = stand_in(shapes(FAN(FANSizes(stacks=2))))
    network, crops = FAN.from_state(state), (waves(64, 64) + 1) / 2
    with torch.no_grad():
        for maps in (network(crops), network.fold()(crops)):
            found = [maps.mean(), maps.std(), *maps[0, [0, 30, 67], 5, 7]]
            assert torch.allclose(torch.stack(found), torch.tensor(THEIR_MAPS), rtol=0, atol=RELATIVE * 94)


def test_s3fd_equals_reference(one_thread: None) -> None:
    with torch.device("meta"):
        state = stand_in(shapes(S3FD()))
    with torch.no_grad():
        outputs = S3FD.from_state(state)(waves(96, 80))
    for (scores, offsets), theirs in zip(outputs, THEIR_OUTPUTS, strict=True):
        found = [scores.mean(), scores.std(), offsets.mean(), offsets.std()]
        assert torch.allclose(torch.stack(found), torch.tensor(theirs), rtol=0, atol=RELATIVE)


@pytest.mark.parametrize("plan", [TINY, FANSizes(1, 4, (2, 4, 8, 8), 5), FANSizes(3, 1, (4, 4, 4, 4), 98)])
def test_fan_sizes_from_tensors(plan: FANSizes) -> None:
    state = stand_in(shapes(FAN(plan)))
    network = FAN.from_state(state)
    assert FANSizes.of(state) == plan and shapes(network) == shapes(FAN(plan))
    assert network(torch.zeros(2, 3, 64, 128)).shape == (2, plan.points, 16, 32)
    assert not network.training and not any(each.requires_grad for each in network.parameters())


def test_s3fd_sizes_from_tensors() -> None:
    widths = {name: place + 2 for place, name in enumerate(NARROW)}
    network = S3FD.from_state(stand_in(shapes(S3FD(widths))))
    sizes = [scores.shape[1:] for scores, _ in network(torch.zeros(1, 3, 70, 90))]
    assert sizes == [(17, 22), (8, 11), (4, 5), (6, 6), (3, 3), (2, 2)]  # the fourth has a padding of three


def test_folded_network_equals_network() -> None:
    network, crops = FAN.from_state(tiny_fan()), torch.rand(2, 3, 64, 64, requires_grad=True)
    before = network(crops)
    (plain,) = torch.autograd.grad(before.square().sum(), crops)
    after = network.fold()(crops)
    (folded,) = torch.autograd.grad(after.square().sum(), crops)
    assert torch.allclose(after, before, atol=1e-5 * before.abs().max().item())
    assert torch.allclose(folded, plain, atol=1e-4 * plain.abs().max().item())
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in network.modules())


def as_program(state: State, path: Path) -> None:
    network = FAN.from_state(state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch prefers torch.export by now
        torch.jit.trace(network, torch.rand(1, 3, 32, 32), check_trace=False).save(path)


WAYS: dict[str, Callable[[State, Path], None]] = {
    "a TorchScript program": as_program,
    "a state dict": torch.save,
    "a state dict of old": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "trained in parallel": lambda state, path: torch.save({f"module.{key}": state[key] for key in state}, path),
    "in half precision": lambda state, path: torch.save({key: state[key].half() for key in state}, path),
    "safetensors": lambda state, path: save_file(state, path),
}


@pytest.mark.parametrize("way", WAYS)
def test_file_formats(way: str, tmp_path: Path) -> None:
    state, crops = stand_in(shapes(FAN(FANSizes(2, 1, (4, 4, 8, 8))))), torch.rand(1, 3, 64, 64)
    WAYS[way](state, tmp_path / "2DFAN4.zip")
    network = read_fan(read_state_dict(tmp_path / "2DFAN4.zip"))
    with torch.no_grad():
        expected, found = FAN.from_state(state)(crops), network(crops)
    tolerance = 1e-2 if "half" in way else 0  # weights of 11 bits
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


FAULTS = [
    (read_fan, tiny_fan, "m0.b1_1.bn1.weight", "the file is no FAN .it lacks 'm0.b1_1.bn1.weight'"),
    (read_fan, tiny_fan, "conv1.weight", "the file is no FAN, which has 'conv1.weight'"),
    (read_s3fd, tiny_s3fd, "fc7_mbox_loc.bias", "the file is no S3FD .it lacks 'fc7_mbox_loc.bias'"),
    (read_s3fd, tiny_s3fd, "conv7_1.weight", "the file is no S3FD, which has convolutions such as 'conv7_1.weight'"),
]


@pytest.mark.parametrize(("read", "make", "key", "told"), FAULTS)
def test_invalid_file_names_the_tensor(read, make, key: str, told: str) -> None:
    state = make()
    del state[key]
    with pytest.raises(i2i.I2IError, match=told) as caught:
        read(state)
    assert str(caught.value).endswith(").") and "i2i models fetch" in str(caught.value)


def test_other_network_is_refused() -> None:
    for read, other in ((read_fan, tiny_s3fd()), (read_s3fd, tiny_fan())):
        with pytest.raises(i2i.I2IError, match="the file is no"):
            read(other)
    odd = tiny_fan()
    odd["m0.conv9.weight"], odd["conv2.conv1.weight"] = torch.zeros(1), torch.zeros(3, 4, 3, 3)
    with pytest.raises(i2i.I2IError, match="the file is no FAN"):
        read_fan(odd)


@pytest.mark.parametrize("place", range(6))
def test_boxes_surround_their_cells(place: int) -> None:
    stride, offsets = STRIDES[place], torch.zeros(1, 4, 3, 5)
    middle = torch.tensor([4.5, 1.5, 4.5, 1.5]) * stride  # of the place in row 1, column 4
    side = torch.tensor([-1.0, -1.0, 1.0, 1.0]) * 2 * stride
    assert torch.equal(boxes_of(offsets, stride)[0, 1, 4], middle + side)
    offsets[0, :, 1, 4] = torch.tensor([1.0, -2.0, 5 * math.log(2), 5 * math.log(3)])
    moved = middle + torch.tensor([0.4, -0.8, 0.4, -0.8]) * stride + side * torch.tensor([2.0, 3.0, 2.0, 3.0])
    assert torch.allclose(boxes_of(offsets, stride)[0, 1, 4], moved, rtol=1e-5)
