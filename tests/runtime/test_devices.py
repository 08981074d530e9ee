"""Devices are strings that torch takes, with help around them."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from i2i import UsageError
from i2i.runtime.device import TorchDevice, choose_device


def test_a_device_is_taken_wherever_torch_takes_one():
    device = TorchDevice("cpu")
    assert torch.zeros(2, device=device).device.type == "cpu"
    assert nn.Linear(1, 1).to(device).weight.device == torch.device(device)
    assert device == "cpu" and device.type == "cpu" and TorchDevice("cuda:1").type == "cuda"


@pytest.mark.parametrize(
    ("name", "message"),
    [("gpu", "there is no such device"), ("cpu:1", "there is no such device"), ("cuda:x", "there is no such device")],
)
def test_unknown_devices_are_refused(name, message):
    with pytest.raises(UsageError, match=message):
        choose_device(name)


def test_an_unknown_precision_is_refused():
    with pytest.raises(UsageError, match=r"--precision int4: .* use auto, fp32, bf16, fp16"):
        choose_device("cpu", "int4")


@pytest.mark.parametrize(("count", "words"), [(1, ", 1 thread"), (2, ", 2 threads")])
def test_threads_are_counted(count, words, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: count)
    assert TorchDevice("cpu").describe().endswith(words)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="sees no CUDA device here; use --device auto"):
        choose_device("cuda")


def test_auto_says_what_it_chose():
    device = choose_device("auto")
    assert device.type in ("cpu", "cuda", "mps")
    assert device.precision in ("fp32", "bf16", "fp16") and device.precision in device.describe()


def test_seeds_reach_every_generator_and_differ_by_step_and_rank():
    def draws(*numbers, rank=0):
        TorchDevice("cpu", rank=rank).seed(*numbers)
        return random.random(), float(np.random.rand()), float(torch.rand(1))

    assert draws(1, 2) == draws(1, 2)
    for other in (draws(1, 3), draws(2, 2), draws(1, 2, rank=1)):
        assert all(one != two for one, two in zip(draws(1, 2), other, strict=True))


def test_pictures_arrive_in_the_range_of_networks():
    array = np.array([0, 127, 128, 255], np.uint8).reshape(1, 2, 2, 1).repeat(3, axis=3)
    tensor = TorchDevice("cpu").put(array)
    assert tensor.shape == (1, 3, 2, 2) and tensor.dtype == torch.float32
    assert tensor[0, 0].flatten().tolist() == pytest.approx([-1, -1 / 255, 1 / 255, 1], abs=1e-6)
    assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_adam_on_channels_last_weights_is_adam():
    torch.manual_seed(0)
    device = TorchDevice("cpu")
    one = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ELU(), nn.ConvTranspose2d(4, 5, 4, 2, 1))
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ELU(), nn.ConvTranspose2d(4, 5, 4, 2, 1))
    other.load_state_dict(one.state_dict())
    device.place(one)
    ours, plain = (
        device.adam(one.parameters(), 1e-2, (0.5, 0.9)),
        torch.optim.Adam(other.parameters(), 1e-2, (0.5, 0.9)),
    )
    for step in range(4):
        x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        for network, optimizer in ((one, ours), (other, plain)):
            optimizer.zero_grad()
            network(x).square().mean().backward()
            optimizer.step()
    assert one[0].weight.is_contiguous(memory_format=torch.channels_last)
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_adams_state_survives_a_round_trip():
    device = TorchDevice("cpu")
    network = device.place(nn.Conv2d(3, 4, 3))
    optimizer = device.adam(network.parameters(), 1e-2, (0.5, 0.9))

    def step(net, adam):
        adam.zero_grad()
        net(torch.ones(1, 3, 4, 4)).square().mean().backward()
        adam.step()

    step(network, optimizer)
    twin = device.place(nn.Conv2d(3, 4, 3))
    twin.load_state_dict(network.state_dict())
    adam = device.adam(twin.parameters(), 1e-2, (0.5, 0.9))
    adam.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for net, each in ((network, optimizer), (twin, adam)):
        step(net, each)
    assert torch.equal(network.weight, twin.weight)


def test_parts_make_up_the_batch():
    parts = TorchDevice("cpu", accumulate=3).parts({"input": torch.arange(6), "target": torch.arange(6) * 2})
    assert [part["input"].tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert parts[2]["target"].tolist() == [8, 10]


def test_fp16_scales_its_losses_and_remembers_the_scale():
    device = TorchDevice("cpu", "fp16")
    weight = nn.Parameter(torch.ones(1))
    optimizer = device.adam([weight], 0.1, (0.5, 0.9))
    device.backward((weight * 2).sum())
    assert weight.grad.item() == pytest.approx(2 * 2.0**16)
    device.update(optimizer)
    assert weight.item() == pytest.approx(0.9) and weight.grad is None
    other = TorchDevice("cpu", "fp16")
    other.load_state_dict(device.state_dict())
    assert other.state_dict() == device.state_dict() != {}


def test_full_precision_is_full():
    choose_device("cpu", "fp32")
    assert torch.get_float32_matmul_precision() == "highest"
    choose_device("cpu", "bf16")
    assert torch.get_float32_matmul_precision() == "high"
    choose_device("cpu", "fp32")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_chosen_by_itself():
    assert choose_device("auto").type == "cuda"


@pytest.mark.parametrize(
    ("small", "large", "precision", "sizes"),
    [
        ({True: 4.0, False: 1.0}, {}, "fp32", [16]),
        ({True: 2.0, False: 1.0}, {True: 0.5, False: 1.0}, "bf16", [16, 64]),
        ({True: 0.5, False: 1.0}, {True: 0.95, False: 1.0}, "fp32", [16, 64]),
    ],
)
def test_precision_is_the_faster_one_and_emulation_is_found_out_quickly(small, large, precision, sizes, monkeypatch):
    timed = []

    def seconds(size, rounds):
        timed.append(size)
        return small if size == 16 else large

    monkeypatch.setattr("i2i.runtime.device._convolution_seconds", seconds)
    assert choose_device("cpu").precision == precision and timed == sizes
