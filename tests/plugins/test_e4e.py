"""The encoder of encoder4editing against its recorded answers, and its checkpoints in every form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

import i2i
from i2i.testing import downloaded_path, registered_by
from i2i_plugins.e4e.checkpoint import own_names, read_e4e
from i2i_plugins.e4e.extractor import E4E
from i2i_plugins.e4e.model_records import FFHQ, MODELS
from i2i_plugins.e4e.network import E4ENetwork

State = dict[str, torch.Tensor]
RELATIVE = 1e-4
"""Two float32 implementations differ by the order of their sums (about 1e-6 here); ten times more is a fault."""
ROWS, NUMBERS = 8, 128
MEAN = torch.arange(float(ROWS * NUMBERS)).view(ROWS, NUMBERS) / 100


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def narrow(rows: int = ROWS) -> E4ENetwork:
    """A quarter as wide as the real one, with normalisations that do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = E4ENetwork(rows, width=16).eval()
        for value in network.state_dict().values():
            if value.is_floating_point() and value.ndim == 1:
                value.copy_(torch.rand_like(value) + 0.5)
    return network


@pytest.fixture(scope="module")
def encoder() -> E4ENetwork:
    return narrow()


@pytest.fixture(scope="module")
def state(encoder: E4ENetwork) -> State:
    return encoder.state_dict()


def checkpoint(state: State, **opts: Any) -> dict[str, Any]:
    """As the authors' training writes it."""
    inner = {f"encoder.{key}": value for key, value in state.items()}
    opts = {"encoder_type": "Encoder4Editing", "dataset_type": "ffhq_encode", "start_from_latent_avg": True, **opts}
    return {"state_dict": {**inner, "decoder.input.input": torch.zeros(1)}, "opts": opts, "latent_avg": MEAN}


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def test_network_equals_reference(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(reference))
    import weights

    with safe_open(reference / "e4e_256.safetensors", "pt") as stream:
        theirs, about = stream.get_tensor("codes"), stream.metadata()
    with torch.device("meta"):
        shapes = E4ENetwork(int(about["num_ws"])).state_dict()
    state = {key: weights.weight(key, tuple(value.shape), False) for key, value in shapes.items()}
    network = read_e4e({key: value for key, value in state.items() if value is not None})
    with torch.no_grad():
        ours = network((weights.noise(int(about["seed"]), 1, 3, 256, 256) * 0.5).clamp(-1, 1))
    assert (ours - theirs).abs().max() <= RELATIVE * theirs.abs().max()


@pytest.mark.parametrize("rows", [2, 18])
def test_num_ws_follows_tensor_names(rows: int) -> None:
    network = narrow(rows)
    found = read_e4e(network.state_dict())
    images = noise(1, 1, 3, 256, 256)
    with torch.no_grad():
        codes = found(images)
        assert codes.shape == (1, rows, NUMBERS) and torch.equal(codes, network(images))
    assert not found.training and not any(each.requires_grad for each in found.parameters())


@pytest.mark.parametrize(
    ("content", "mean"),
    [
        (checkpoint, MEAN),
        (lambda state: checkpoint(state, start_from_latent_avg=False), torch.zeros(ROWS, NUMBERS)),
        (lambda state: {**state, "latent_avg": MEAN[0]}, MEAN[0].expand(ROWS, NUMBERS)),
        (lambda state: state, torch.zeros(ROWS, NUMBERS)),
    ],
    ids=["whole", "not from the mean", "bare with one row", "bare"],
)
def test_codes_are_relative_to_latent_average(
    content: Callable[[State], Any], mean: torch.Tensor, encoder: E4ENetwork, state: State, tmp_path: Path
) -> None:
    e4e = E4E(i2i.choose_device("cpu", "fp32"), saved(tmp_path / "e4e.pt", content(state)))
    images = noise(2, 2, 3, 256, 256)
    with torch.no_grad():
        expected = encoder(images) + mean
        # Another memory layout, so another order of sums.
        assert torch.allclose(e4e(images), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    assert (e4e.num_ws, e4e.size) == (ROWS, (256, 256))


def test_load_network_and_safetensors(state: State, tmp_path: Path) -> None:
    save_file({**checkpoint(state)["state_dict"], "latent_avg": MEAN}, tmp_path / "e4e.safetensors")
    network, images = i2i.load_network(tmp_path / "e4e.safetensors", kind="e4e"), noise(2, 1, 3, 256, 256)
    whole = i2i.load_network(saved(tmp_path / "e4e.pt", checkpoint(state)), kind="e4e")
    assert torch.equal(whole.latent_avg, MEAN)
    with torch.no_grad():
        codes = E4E(i2i.choose_device("cpu", "fp32"), tmp_path / "e4e.safetensors")(images)
        assert torch.allclose(codes, network(images) + MEAN, rtol=0, atol=1e-5 * float(codes.abs().max()))


def test_input_sizes_of_cars_and_others(state: State, tmp_path: Path) -> None:
    e4e = E4E(
        i2i.choose_device("cpu", "fp32"), saved(tmp_path / "e4e.pt", checkpoint(state, dataset_type="cars_encode"))
    )
    assert e4e.size == (192, 256)
    large = noise(3, 1, 3, 384, 512)
    with torch.no_grad():
        small = F.interpolate(large, (192, 256), mode="bilinear", antialias=True)
        assert e4e(small).shape == (1, ROWS, NUMBERS)
        assert torch.allclose(e4e(large), e4e(small), atol=1e-5)
        # A StyleGAN2 of cars renders squares with bars above and below, which the encoder must not see.
        square = F.pad(large, (0, 0, 64, 64), value=-1.0)
        assert square.shape[2:] == (512, 512) and torch.equal(e4e(square), e4e(large))
        assert torch.equal(e4e(F.pad(large, (0, 0, 64, 64), value=1.0)), e4e(large))


def test_prefix_is_removed_from_the_start_only() -> None:
    names = own_names(["encoder.body.encoder.0", "decoder.encoder.convs", "latent_avg"])
    assert names == {"encoder.body.encoder.0": "body.encoder.0"}
    assert own_names(["body.encoder.0", "latent_avg"]) == {"body.encoder.0": "body.encoder.0"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["state_dict"].pop("encoder.body.3.res_layer.1.weight"), "lacks 'body.3.res_layer.1.weight'"),
        (lambda c: c["state_dict"].update({"encoder.head": torch.zeros(1)}), "has the unknown 'head'"),
        (lambda c: c["state_dict"].update({"encoder.latlayer1.bias": torch.zeros(3)}), "shapes in 'latlayer1.bias'"),
        (lambda c: c["state_dict"].update({"encoder.styles.900000000.a": torch.zeros(3)}), "lacks 'styles.8.*more"),
        (lambda c: c["state_dict"].pop("encoder.input_layer.0.weight"), "which has 'input_layer.0.weight'"),
        (lambda c: c.update(latent_avg=torch.zeros(18, 512)), r"'latent_avg' has the shape \(18, 512\)"),
        (lambda c: c["opts"].update(encoder_type="GradualStyleEncoder"), "type 'GradualStyleEncoder'"),
        (lambda c: c.clear(), "no e4e encoder"),
    ],
)
def test_invalid_file_names_the_tensor(change, told: str, state: State, tmp_path: Path) -> None:
    content = checkpoint(state)
    change(content)
    with pytest.raises(i2i.I2IError, match=told) as caught:
        E4E(i2i.choose_device("cpu", "fp32"), saved(tmp_path / "e4e.pt", content))
    text = str(caught.value)
    assert text.startswith(str(tmp_path / "e4e.pt")) and text.endswith("encoder4editing.") and "\n" not in text


def test_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(i2i.I2IError, match="no e4e encoder"):
        E4E(i2i.choose_device("cpu", "fp32"), saved(tmp_path / "e4e.pt", [torch.zeros(1)]))


def test_missing_weights_name_the_command(state: State) -> None:
    with pytest.raises(i2i.I2IError, match="i2i models fetch e4e-ffhq"):
        E4E(i2i.choose_device("cpu", "fp32"))
    e4e = E4E(i2i.choose_device("cpu", "fp32"), saved(downloaded_path(FFHQ), checkpoint(state)))
    assert e4e.num_ws == E4E(i2i.choose_device("cpu", "fp32")).num_ws == ROWS


def test_gradients_and_autocast(state: State, tmp_path: Path) -> None:
    e4e = E4E(i2i.choose_device("cpu", "fp32"), saved(tmp_path / "e4e.pt", state))
    images = noise(4, 1, 3, 256, 256).requires_grad_()
    codes = e4e(images)
    (gradient,) = torch.autograd.grad(codes.square().sum(), images)
    assert torch.isfinite(gradient).all() and gradient.count_nonzero() > 0.99 * gradient.numel()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(e4e(images), codes)
    with pytest.raises(ValueError, match="takes images"):
        e4e(torch.zeros(3, 256, 256))


def test_registered_things() -> None:
    found = registered_by("i2i_plugins.e4e")
    assert len(found) == 5 and found[4] is E4E and all(model in found for model in MODELS)
    assert (E4E.name, E4E.role, list(E4E.kinds)) == ("e4e", "encoder", ["e4e"])
    assert {model.name for model in MODELS} == {"e4e-ffhq", "e4e-cars", "e4e-horses", "e4e-churches"}
    assert all(model.role == "encoder" and model.homepage for model in MODELS)
