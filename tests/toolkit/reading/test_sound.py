"""What people have is read exactly: each container, each way of laying out tensors, and the objects around them."""

from __future__ import annotations

import argparse
import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from i2i import Record, StoredTensor
from i2i.toolkit.weights import read_weights
from tests.toolkit.reading import assembling, foreign

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
WHOLE = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
OTHERS = [torch.bool, torch.complex64, torch.complex128]


def same(stored: Any, tensor: torch.Tensor) -> bool:
    assert type(stored) is StoredTensor
    made = stored.tensor()
    return made.dtype == tensor.dtype and made.is_contiguous() and torch.equal(made, tensor)


def network() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    base = torch.randn(6, 8)
    tensors = {str(dtype): (base * 9).to(dtype) for dtype in [*FLOATS, *WHOLE[1:], *OTHERS]}
    return {
        **tensors,
        "whole": base,
        "transposed": base.t(),
        "strided": base[1:5:2, ::3],
        "view": base.flatten()[5:11],
        "point": base[2, 3],
        "empty": torch.zeros(0, 3),
        "channels last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "byte": torch.arange(5, dtype=torch.uint8),
    }


@pytest.mark.parametrize("way", ["zip", "zip 4", "legacy", "legacy 4", "pickle 2", "pickle 3", "pickle 4", "pickle 5"])
def test_tensors_are_read_exactly(way: str, tmp_path: Path) -> None:
    tensors, path = network(), tmp_path / "any.name"
    kind, _, protocol = way.partition(" ")
    if kind == "pickle":
        path.write_bytes(pickle.dumps(tensors, protocol=int(protocol)))
    else:
        zipped = kind == "zip"
        torch.save(tensors, path, pickle_protocol=int(protocol or 2), _use_new_zipfile_serialization=zipped)
    contents = read_weights(path)
    assert contents.container == ("pickle" if kind == "pickle" else "torch")
    assert list(contents.tree) == list(tensors)
    assert all(same(contents.tree[name], tensor.detach()) for name, tensor in tensors.items())


def test_safetensors_are_read_exactly(tmp_path: Path) -> None:
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in network().items()}
    del tensors["torch.complex128"]  # a kind that safetensors does not have
    save_file(tensors, tmp_path / "net", metadata={"licence": "none"})
    contents = read_weights(tmp_path / "net")
    assert contents.container == "safetensors" and contents.metadata == {"licence": "none"}
    assert contents.tree.keys() == tensors.keys()
    assert all(same(contents.tree[name], tensor) for name, tensor in tensors.items())


def test_views_of_one_storage_stay_views_until_read(tmp_path: Path) -> None:
    base = torch.randn(100)
    torch.save([base, base[10:20]], tmp_path / "net.pt")
    whole, part = read_weights(tmp_path / "net.pt").tree
    assert memoryview(whole.buffer).obj is memoryview(part.buffer).obj and part.offset == 10
    first, second = part.tensor(), part.tensor()
    first.zero_()
    assert torch.equal(second, base[10:20])


def test_numpy_has_no_bfloat16_but_every_number_of_it(tmp_path: Path) -> None:
    tensor = torch.tensor([1.5, -3.0e38, 0.0, float("inf")], dtype=torch.bfloat16)
    torch.save([tensor, tensor[1]], tmp_path / "net.pt")
    row, point = (stored.numpy() for stored in read_weights(tmp_path / "net.pt").tree)
    assert row.dtype == point.dtype == np.float32 and point.shape == ()
    assert np.array_equal(row, tensor.float().numpy()) and point == row[1]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_numpys_arrays_and_numbers(protocol: int, tmp_path: Path) -> None:
    kinds = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]
    arrays = {kind: np.arange(6).reshape(2, 3).astype(kind) for kind in kinds}
    arrays["columns"] = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    arrays["point"] = np.array(2.5)
    numbers = {"f": np.float64(2.5), "i": np.int64(-3), "b": np.bool_(True), "h": np.float32(0.1)}
    (tmp_path / "net.pkl").write_bytes(pickle.dumps([arrays, numbers], protocol=protocol))
    stored, plain = read_weights(tmp_path / "net.pkl").tree
    for name, array in arrays.items():
        assert stored[name].numpy().dtype == array.dtype and np.array_equal(stored[name].numpy(), array)
    assert plain == numbers and [type(value) for value in plain.values()] == [float, int, bool, float]


def test_plain_things_stay_what_they_are(tmp_path: Path) -> None:
    state = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).state_dict()
    thing = {
        "opts": {"size": 256, "rate": 1e-4, "name": "ä", "flag": True, "nothing": None, "betas": (0.0, 0.99)},
        "args": argparse.Namespace(size=256, path=["a", "b"]),
        "set": {"a", "b"},
        "size": torch.Size([1, 2]),
        "device": torch.device("cuda", 1),
        5: collections.OrderedDict(a=1),
        "seed": 2**70,
        "optim": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "state_dict": state,
    }
    torch.save(thing, tmp_path / "net.pt")
    tree = read_weights(tmp_path / "net.pt").tree
    assert tree["args"] == Record("argparse.Namespace", {"size": 256, "path": ["a", "b"]})
    assert tree["device"] == "cuda:1" and tree["size"] == (1, 2)
    assert list(tree["state_dict"]) == list(state)
    for key in ("opts", "set", 5, "seed", "optim"):
        assert tree[key] == thing[key]


def made_generator() -> foreign.Generator:
    generator = foreign.Generator(z_dim=512, conv_clamp=None, gain=np.float64(0.5), size=np.array([4, 4]))
    generator.fc0 = foreign.FullyConnectedLayer(in_features=512, activation="lrelu")
    generator.fc0.weight = torch.nn.Parameter(torch.randn(3, 4))
    generator.register_buffer("w_avg", torch.randn(4))
    generator.layers = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.LeakyReLU(0.2))
    return generator


@pytest.mark.parametrize("way", ["pickle 3", "pickle 4", "torch"])
def test_networks_of_nvlabs_become_records(way: str, tmp_path: Path) -> None:
    generator, path = made_generator(), tmp_path / "net.pkl"
    whole = {"G": None, "G_ema": generator, "training_set_kwargs": foreign.EasyDict(path="x")}
    kind, _, protocol = way.partition(" ")
    if kind == "torch":
        foreign.save(whole, path)
    else:
        path.write_bytes(foreign.dumps(whole, int(protocol)))
    tree = read_weights(path).tree
    record = tree["G_ema"]
    assert record.class_name == "Generator" and "module_src" not in repr(record)
    assert record.state["_init_kwargs"]["z_dim"] == 512 and record.state["gain"] == 0.5
    assert record.state["size"].numpy().tolist() == [4, 4]
    assert same(record.state["_buffers"]["w_avg"], generator.w_avg)
    layer = record.state["_modules"]["fc0"]
    assert layer.class_name == "FullyConnectedLayer"
    assert same(layer.state["_parameters"]["weight"], generator.fc0.weight.detach())
    plain = record.state["_modules"]["layers"]
    assert plain.class_name == "torch.nn.modules.container.Sequential"
    linear = plain.state["_modules"]["0"]
    assert linear.class_name == "torch.nn.modules.linear.Linear"
    assert same(linear.state["_parameters"]["weight"], generator.layers[0].weight.detach())
    assert tree["training_set_kwargs"] == {"path": "x"}


@pytest.mark.parametrize("zipped", [True, False])
def test_whole_modules_of_torch_become_records(zipped: bool, tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3))
    torch.save(module, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    linear = read_weights(tmp_path / "net.pt").tree.state["_modules"]["0"]
    assert linear.class_name == "torch.nn.modules.linear.Linear"
    assert same(linear.state["_parameters"]["weight"], module[0].weight.detach())


def test_networks_of_tensorflows_days_become_records(tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).standard_normal((3, 3, 4, 8)).astype(np.float32)
    inner = foreign.Network(name="synthesis", variables=[("4x4/Conv/weight", kernel)], build_module_src="exit()")
    whole = foreign.Network(version=4, components=foreign.EasyDict(synthesis=inner), build_module_src="exit()")
    (tmp_path / "net.pkl").write_bytes(foreign.dumps((None, None, whole), 4))
    record = read_weights(tmp_path / "net.pkl").tree[2]
    assert record.class_name == "dnnlib.tflib.network.Network" and record.state.keys() == {"version", "components"}
    name, stored = record.state["components"]["synthesis"].state["variables"][0]
    assert name == "4x4/Conv/weight" and np.array_equal(stored.numpy(), kernel)


def test_a_nested_zip_is_read_too(tmp_path: Path) -> None:
    numbers = np.array([1, 2, 3, 4], np.float32)
    nested = assembling.zipped(assembling.pickled(assembling.storage()), {"data/0": numbers.tobytes()})
    inner = assembling.call("torch.storage._load_from_bytes", assembling.data(nested))
    (tmp_path / "net.pkl").write_bytes(assembling.pickled(assembling.tensor(1, (3,), (1,), inner)))
    assert read_weights(tmp_path / "net.pkl").tree.numpy().tolist() == [2, 3, 4]
