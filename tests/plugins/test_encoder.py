"""The trainer ``encoder``: its samples, its network, an exact resume, and its runs as encoders of edits."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

import i2i
from i2i import TrainingProgress
from i2i.testing import TinyGenerator, run_command
from i2i.toolkit.images.network_inputs import resize_images
from i2i_plugins.encoder.augmentation import PhotometricStrengths, change_light
from i2i_plugins.encoder.fingerprint import Fingerprint
from i2i_plugins.encoder.losses import IdentityDistance, latent_distance
from i2i_plugins.encoder.network import TrainedNetwork
from i2i_plugins.encoder.options import EncoderTrainerOptions
from i2i_plugins.encoder.sampling import SamplePool, render_small, sample_latents
from i2i_plugins.encoder.trainer import EncoderTrainer
from tests.helpers.toy_generators import Bands, Classes

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL: dict[str, Any] = {
    "generator": "demo-faces",
    "size": 32,
    "width": 4,
    "batch": 2,
    "pool": 4,
    "device": "cpu",
    "precision": "fp32",
    "workers": 0,
    "callbacks": "none",
    "quiet": True,
    "validate_every": 100,
    "sample_every": 100,
}
WITHOUT: dict[str, Any] = {"generator": "demo-faces", "method": "encoder", "device": "cpu"}
"""An edit with the encoder of the generator's domain."""
FACE = Path(__file__).resolve().parents[1] / "golden" / "inputs" / "face.png"


def cpu() -> i2i.Device:
    return i2i.choose_device("cpu", "fp32")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def export(run: i2i.Run, file: Path) -> None:
    """Write the encoder of a run as one file."""
    done = run_command("export", str(run.folder), "--format", "safetensors", "--out", str(file))
    assert done.exit_code == 0, done.stderr


def changed_faces(path: Path, factor: float) -> Path:
    """Write the weights of demo-faces with fainter or stronger colours."""
    model = i2i.model_path("demo-faces")
    with safe_open(model, "pt") as opened:
        metadata = opened.metadata()
    tensors = load_file(model)
    tensors = {name: each * factor if "torgb.weight" in name else each for name, each in tensors.items()}
    save_file(tensors, path, metadata=metadata)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> i2i.Run:
    """A short training, of which the last step compares images."""
    return i2i.train("encoder", out=tmp_path_factory.mktemp("runs") / "run", steps=3, image_part=0.34, **SMALL)


@pytest.fixture
def tiny() -> TinyGenerator:
    return TinyGenerator(None, cpu())


# Samples.


def test_samples_keep_to_the_range_of_truncation(tiny: TinyGenerator) -> None:
    whole, half = (sample_latents(tiny, 6, seeded(), truncation=(psi, psi)) for psi in (1.0, 0.5))
    torch.testing.assert_close(half - tiny.w_mean, 0.5 * (whole - tiny.w_mean))
    between = sample_latents(tiny, 6, seeded(), truncation=(0.5, 1.0)) - tiny.w_mean
    share = between.norm(dim=(1, 2)) / (whole - tiny.w_mean).norm(dim=(1, 2))
    assert (share >= 0.5 - 1e-5).all()
    assert (share <= 1 + 1e-5).all()
    assert share.std() > 0.01


def test_mixed_samples_have_last_layers_of_another_latent(tiny: TinyGenerator) -> None:
    same, mixed = (sample_latents(tiny, 8, seeded(), share) for share in (0.0, 1.0))
    assert torch.equal(same, same[:, :1].expand_as(same))
    assert torch.equal(mixed[:, 0], same[:, 0])
    assert not (mixed[:, -1] == same[:, -1]).all(dim=1).any()


def test_samples_of_generators_with_classes_or_one_layer() -> None:
    assert sample_latents(Classes(None, cpu()), 4, seeded(), 1.0).shape == (4, 6, 3)
    plain = type("Plain", (Bands,), {"num_ws": 1, "w_dim": 3})(None, cpu())
    assert sample_latents(plain, 4, seeded(), 1.0, (0.5, 1.0)).shape == (4, 1, 3)


def pool_at(tiny: TinyGenerator, *steps: int) -> tuple[Tensor, Tensor]:
    pool = SamplePool(tiny, size=8, batch=4, reuse=2, mixed=0.25, truncation=(0.5, 1.0), seed=3)
    for step in steps:
        pool.advance(step)
    return pool.take(torch.arange(8))


def test_pool_of_a_step_depends_on_the_step_alone(tiny: TinyGenerator) -> None:
    for step in (2, 3, 9):
        stepwise, at_once = pool_at(tiny, *range(1, step + 1)), pool_at(tiny, step)
        assert all(torch.equal(a, b) for a, b in zip(stepwise, at_once, strict=True))


def test_pool_grows_and_then_replaces_the_oldest(tiny: TinyGenerator) -> None:
    """Groups of two: three at the first step, where the third seed of a group comes round again after six."""
    images, w = pool_at(tiny, 1)
    assert torch.equal(w[6:], w[:2])
    full, later = pool_at(tiny, 2)[1], pool_at(tiny, 3)[1]
    assert len(full.unique(dim=0)) == 8
    assert torch.equal(full[2:], later[2:])
    assert not torch.equal(full[:2], later[:2])
    torch.testing.assert_close(images, render_small(tiny, w).clamp(-1, 1), atol=1 / 127, rtol=0)


def test_augmentation_changes_light_within_limits() -> None:
    images = torch.rand(4, 3, 16, 16, generator=seeded()) * 2 - 1
    none = PhotometricStrengths(0.0, 0.0, 0.0, 0.0, 0.0)
    torch.testing.assert_close(change_light(images, none, seeded()), images)
    changed = change_light(images, PhotometricStrengths(), seeded())
    assert changed.abs().max() <= 1
    assert not torch.allclose(changed, images, atol=0.05)


# The network.


@pytest.mark.parametrize(("num_ws", "w_dim", "size"), [(1, 3, 32), (2, 8, 32), (10, 8, 64), (18, 16, 128), (3, 4, 256)])
def test_network_gives_a_latent_for_any_generator(num_ws: int, w_dim: int, size: int) -> None:
    network = TrainedNetwork(num_ws, w_dim, size, 4)
    assert network(torch.zeros(2, 3, size, size)).shape == (2, num_ws, w_dim)
    again = TrainedNetwork.from_tensors(network.state_dict())
    assert (again.num_ws, again.w_dim, again.size) == (num_ws, w_dim, size)


def test_network_frees_layers_one_by_one() -> None:
    torch.manual_seed(0)
    network = TrainedNetwork(6, 4, 32, 4).eval()
    for head in network.heads.values():
        torch.nn.init.normal_(head.linear.bias)
    for free in (1, 4, 6):
        network.free.fill_(free)
        w = network(torch.zeros(1, 3, 32, 32))[0]
        assert [bool((row != w[0]).any()) for row in w] == [False] + [row < free for row in range(1, 6)]


@pytest.mark.parametrize("shape", [[10**9, 512, 64, 32], [5, 8, 33, 4], [5], [-1, 8, 32, 4]])
def test_network_refuses_a_file_that_claims_impossible_sizes(shape: list[int]) -> None:
    tensors = TrainedNetwork(5, 8, 32, 4).state_dict() | {"shape": torch.tensor(shape)}
    with pytest.raises(i2i.I2IError, match="the file is no trained encoder"):
        TrainedNetwork.from_tensors(tensors)


def test_identity_is_measured_only_where_networks_fit() -> None:
    assert IdentityDistance.open(None, cpu()) is None
    assert IdentityDistance.open("cars", cpu()) is None
    distance = IdentityDistance.open("synthetic faces", cpu())
    assert distance is not None
    assert distance.name == "demo-identity"
    generator = i2i.generator("demo-faces", "cpu")
    faces = render_small(generator, sample_latents(generator, 2, seeded()))
    assert float(distance(faces, faces)) < 1e-3 < float(distance(faces.flip(0), faces))


# Training.


def trainer(**options: Any) -> EncoderTrainer:
    torch.manual_seed(0)
    defaults = {"generator": "demo-faces", "size": 32, "width": 8, "batch": 8, "pool": 64, "rate": 2e-3}
    return EncoderTrainer(EncoderTrainerOptions(**{**defaults, **options}), cpu())


def take_steps(made: EncoderTrainer, count: int, total: int) -> list[dict[str, Tensor]]:
    losses = []
    for step in range(1, count + 1):
        torch.manual_seed(step)
        made.progress = TrainingProgress(step, total)
        losses.append(made.step({"seed": torch.arange(8 * step, 8 * step + 8)}))
    return losses


def test_training_brings_latents_nearer() -> None:
    made = trainer(image_part=0.0, progressive=0.0)
    losses = [float(each["latents"]) for each in take_steps(made, 60, 60)]
    assert sum(losses[-10:]) < 0.75 * sum(losses[:10])
    assert set(take_steps(made, 1, 60)[0]) == {"latents"}


def test_last_part_compares_images_and_frees_all_layers() -> None:
    made = trainer(progressive=0.5, image_part=0.3, image_share=0.25)
    rows = []
    for step in (1, 2, 4, 10):
        made.progress = TrainingProgress(step, 10)
        losses = made.step({"seed": torch.arange(8)})
        rows.append(int(made.encoder.free))
        assert ("pixels" in losses) == (step > 7)
    assert rows[0] < rows[1] < rows[2]
    assert rows[-1] == made.generator.num_ws
    assert {"latents", "pixels", "lpips", "deltas", "identity"} == set(losses)


def test_accumulated_gradients_use_all_samples() -> None:
    """Two parts of a batch without augmentation, whose losses are means over all samples."""
    device = i2i.choose_device("cpu", "fp32")
    device.accumulate = 2
    torch.manual_seed(0)
    options = EncoderTrainerOptions(generator="demo-faces", size=32, width=8, batch=8, augment=0, pool=8)
    made = EncoderTrainer(options, device)
    made.progress = TrainingProgress(1, 100)
    losses = made.step({"seed": torch.arange(8)})
    assert made.pool is not None
    images, w = made.pool.take(torch.arange(8))
    torch.manual_seed(0)
    fresh = EncoderTrainer(options, cpu())
    fresh.encoder.free.fill_(1)
    found = torch.cat([fresh.encoder(part) for part in resize_images(images, 32, 32).split(4)])
    assert float(losses["latents"]) == pytest.approx(
        float(latent_distance(found, w, fresh.encoder.w_scale).detach()), rel=1e-4
    )


def test_validation_measures_samples_that_are_always_the_same() -> None:
    made = trainer()
    seeds = torch.tensor([70_000])
    first, again = made.validate({"seed": seeds}), made.validate({"seed": seeds})
    assert first == again
    assert first["latents"] != made.validate({"seed": seeds + 1})["latents"]
    panels = made.sample({"seed": torch.tensor([70_000, 70_001])})
    assert list(panels) == ["target", "reconstruction"]
    error = (panels["target"][:1] - panels["reconstruction"][:1]).square().mean()
    assert first["psnr"] == pytest.approx(float(10 * (4 / error).log10()), abs=1e-3)
    assert made.encoder.training


def test_a_resumed_training_continues_exactly(run: i2i.Run, tmp_path: Path) -> None:
    """In the part with images as well; the pool, which holds fewer samples than were made, is made again."""
    whole = i2i.train("encoder", out=tmp_path / "whole", steps=6, **SMALL, checkpoint_every=3)
    parts = Path(shutil.copytree(whole.folder, tmp_path / "parts"))
    for path in (parts / "checkpoints").glob("step_000006.*"):
        path.unlink()
    resumed = i2i.train("encoder", resume=parts, quiet=True)
    first, second = (load_file(each.checkpoint(6)) for each in (whole, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_training_is_not_resumed_with_another_generator(tmp_path: Path) -> None:
    weights = changed_faces(tmp_path / "generator.safetensors", 0.5)
    run = i2i.train("encoder", out=tmp_path / "run", steps=1, **{**SMALL, "generator": str(weights)})
    changed_faces(weights, 1.5)
    with pytest.raises(i2i.I2IError, match="has changed since this training began: restore it, or start a new run"):
        i2i.train("encoder", resume=run.folder, steps=2, quiet=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 48}, "--size 48 is not possible: give one of 32, 64, 128, 256"),
        ({"truncation": (0.9, 0.5)}, r"--truncation 0\.9 0\.5 is no range"),
        ({"generator": "demo-facse"}, "Did you mean 'demo-faces'"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(i2i.UsageError, match=message):
        i2i.train("encoder", out=tmp_path / "run", steps=1, **{**SMALL, **options})


# Edits.


def test_a_run_is_the_encoder_of_an_edit(run: i2i.Run, tmp_path: Path, cli: Callable[..., Any]) -> None:
    out = tmp_path / "out"
    command = ("--plugin", "invert", "--image", str(FACE), "--generator", "demo-faces", "--method", "encoder")
    done = cli("edit", *command, "--encoder", str(run.folder), "--out", str(out), "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["extractors"]["encoder"] == "trained-encoder"
    assert recipe["extractor_options"] == {"trained-encoder": {"file": str(run.folder)}}
    assert list(recipe["extractor_files"]) == [str(run.folder)]
    again = cli("edit", "--recipe", str(out / "recipe.json"), "--out", str(tmp_path / "again"), "--device", "cpu")
    assert again.exit_code == 0, again.stderr
    first, second = (load_file(folder / "latent.safetensors")["w"] for folder in (out, tmp_path / "again"))
    assert torch.equal(first, second)
    assert not torch.equal(first, i2i.edit("invert", [FACE], **WITHOUT).latent.w)


def test_an_exported_file_is_the_same_encoder(run: i2i.Run, tmp_path: Path) -> None:
    file = tmp_path / "encoder.safetensors"
    export(run, file)
    images = torch.rand(1, 3, 48, 48, generator=seeded()) * 2 - 1
    with torch.no_grad():
        first, second = (
            i2i.extractor("trained-encoder", "cpu", options={"file": str(path)})(images) for path in (run.folder, file)
        )
    assert torch.equal(first, second)


def test_another_generator_is_refused_before_any_work(run: i2i.Run, tmp_path: Path) -> None:
    weights = changed_faces(tmp_path / "generator.safetensors", 0.5)
    with pytest.raises(i2i.I2IError, match="was trained for the generator 'demo-faces', and this is another one"):
        i2i.edit(
            "drag", [FACE], generator=weights, crop="square", extractors={"encoder": str(run.folder)}, device="cpu"
        )


def test_a_changed_encoder_inverts_anew_and_repeats_no_recipe(run: i2i.Run, tmp_path: Path) -> None:
    file, out = tmp_path / "encoder.safetensors", tmp_path / "out"
    export(run, file)
    options: dict[str, Any] = {"generator": "demo-faces", "method": "encoder", "device": "cpu", "out": out}
    first = i2i.edit("invert", [FACE], extractors={"encoder": str(file)}, **options)
    tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
    tensors["heads.main.linear.bias"] += 1
    save_file(tensors, file)
    repeated = run_command("edit", "--recipe", str(out / "recipe.json"), "--out", str(tmp_path / "again"))
    assert repeated.exit_code == 1
    assert re.search(r"is not as it was when .* was made; restore it or edit again", repeated.stderr)
    second = i2i.edit("invert", [FACE], extractors={"encoder": str(file)}, **options)
    assert not torch.equal(first.latent.w, second.latent.w)


def test_a_result_image_tells_no_folder_of_the_encoder(run: i2i.Run, tmp_path: Path) -> None:
    from i2i.toolkit.images import read_image_text

    options: dict[str, Any] = {"generator": "demo-faces", "method": "encoder", "device": "cpu", "out": tmp_path / "out"}
    i2i.edit("invert", [FACE], extractors={"encoder": str(run.folder)}, **options)
    assert str(run.folder.parent) not in read_image_text(tmp_path / "out" / "result.png")["i2i"]


def test_files_that_are_no_encoder_are_refused_in_one_sentence(tmp_path: Path, run: i2i.Run) -> None:
    (tmp_path / "other.safetensors").write_bytes(b"no tensors")
    with pytest.raises(i2i.I2IError, match="other"):
        i2i.extractor("trained-encoder", "cpu", options={"file": str(tmp_path / "other.safetensors")})
    with pytest.raises(i2i.UsageError, match="There is no file or run"):
        i2i.extractor("trained-encoder", "cpu", options={"file": str(tmp_path / "missing")})
    with pytest.raises(i2i.UsageError, match="Name the encoder: --encoder RUN"):
        i2i.extractor("trained-encoder", "cpu")
    stranger = Path(shutil.copytree(run.folder, tmp_path / "stranger"))
    recorded = json.loads((stranger / "options.json").read_text(encoding="utf-8"))
    (stranger / "options.json").write_text(json.dumps({**recorded, "trainer": "pix2pix"}), encoding="utf-8")
    with pytest.raises(i2i.UsageError, match="is a run of pix2pix, not of an encoder"):
        i2i.extractor("trained-encoder", "cpu", options={"file": str(stranger)})


def test_a_file_is_refused_for_a_role_that_reads_none(tmp_path: Path) -> None:
    (tmp_path / "x.pt").touch()
    with pytest.raises(i2i.UsageError, match="is a file, and no extractor of identity reads one"):
        i2i.edit("swap", [FACE, FACE], extractors={"identity": str(tmp_path / "x.pt")}, device="cpu")


def test_fingerprints_tell_generators_apart_and_not_devices(tiny: TinyGenerator) -> None:
    own = Fingerprint.of(tiny)
    assert own.fits(Fingerprint.of(TinyGenerator(None, cpu())))
    assert not own.fits(Fingerprint.of(i2i.generator("demo-faces", "cpu")))
    moved = tiny.tuned({name: 0.2 * torch.randn(each.shape) for name, each in tiny.weights().items()})
    assert not own.fits(Fingerprint.of(moved))
