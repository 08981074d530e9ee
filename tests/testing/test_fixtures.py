"""The fixtures of ``i2i.testing``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
import i2i.testing


class Warm(i2i.Editor):
    name = "warm"
    summary = "Add a constant."

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        return i2i.Result((scene.photos["image"].pixels + 0.1).clamp(-1, 1))


class Between(i2i.Editor):
    name = "between"
    summary = "The mean of latents, measured by an identity extractor."
    wants = "latent"
    photos = ("first", "others+", "last?")
    may_use = ("identity", "depth")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        w = (scene.latent.w + scene.every["others"][0].latent.w) / 2
        return i2i.Result(scene.generator.render(w).clamp(-1, 1), latent=w)


def test_registry_holds_all_installed_plugins(registry: i2i.Registry) -> None:
    assert registry.names("editor") == i2i.load_registry().names("editor")


@pytest.mark.i2i_plugins("metrics", Warm, i2i.Preset("much", "Much.", "warm", {}))
def test_registry_holds_what_the_marker_names(registry: i2i.Registry) -> None:
    assert registry.names("editor") == ["warm"] and registry.get("editor", "warm") is Warm
    assert registry.names("preset") == ["warm/much"] and "psnr" in registry.names("metric")
    assert registry.names("trainer") == []


def test_registry_of_refuses_what_no_plugin_provides() -> None:
    with pytest.raises(TypeError, match="of no kind"):
        i2i.testing.registry_of(int)


def test_home_is_empty_and_of_this_test(i2i_home: Path) -> None:
    assert os.environ["I2I_HOME"] == str(i2i_home) and not any(i2i_home.iterdir())


def test_tiny_generator_is_a_style_generator(tiny_generator: i2i.testing.TinyGenerator) -> None:
    w = tiny_generator.map(torch.randn(3, 8))
    images = tiny_generator.render(w)
    assert isinstance(tiny_generator, i2i.StyleGenerator) and images.shape == (3, 3, 32, 32)
    assert 0.1 < images.std() < 1.5 and not torch.equal(images[0], images[1])
    assert tiny_generator.features(w, 16).shape == (3, 8, 16, 16)
    assert not torch.equal(tiny_generator.render(w, noise="none"), images)
    offset = {name: torch.ones(8) for name in tiny_generator.style_space(w)}
    moved = tiny_generator.tuned(offset).style_space(w)
    assert all(torch.allclose(moved[name], one + 1) for name, one in tiny_generator.style_space(w).items())
    with pytest.raises(i2i.I2IError, match="no weight"):
        tiny_generator.tuned({"elsewhere": torch.ones(8)})


def test_tiny_run_can_be_opened_and_predicts(tiny_run: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    from i2i.toolkit.images import read_image, save_image

    assert i2i.open_run(tiny_run).find("last") == 4
    photo = tmp_path / "photo.png"
    save_image(photo, torch.zeros(16, 16, 3, dtype=torch.uint8).numpy())
    outcome = cli("predict", tiny_run, photo, "--out", tmp_path / "out", "--device", "cpu")
    assert outcome.exit_code == 0, outcome.stderr
    assert read_image(tmp_path / "out" / "photo.png").shape == (16, 16, 3)


def test_tiny_run_belongs_to_this_test(tiny_run: Path) -> None:
    assert not (tiny_run / "mine").exists()
    (tiny_run / "mine").write_text("changed", encoding="utf-8")
    assert i2i.open_run(tiny_run).options["run"]["steps"] == 4


def test_scene_of_pixels(scene: Callable[..., i2i.Scene]) -> None:
    made = scene(Warm)
    assert made.photos["image"].pixels.shape == (1, 3, 64, 64) and made.generator is None
    given = torch.zeros(1, 3, 8, 12)
    assert torch.allclose(Warm().edit(scene(Warm, [given]), Warm.Options()).image, given + 0.1)
    with pytest.raises(ValueError, match="1 more"):
        scene(Warm, [given, given])
    with pytest.raises(ValueError, match="not on latents"):
        scene(Warm, [i2i.Latent(torch.zeros(1, 5, 8))])


def test_scene_of_latents(scene: Callable[..., i2i.Scene], tiny_generator: i2i.testing.TinyGenerator) -> None:
    latent = i2i.Latent(torch.zeros(1, 5, 8), changes={"layer4.affine.bias": torch.ones(8)})
    made = scene(Between, {"first": [latent]}, extractors={"depth": abs})
    assert list(made.every) == ["first", "others", "last"] and list(made.photos) == ["first", "others"]
    assert torch.equal(made.photos["first"].pixels, tiny_generator.tuned(latent.changes).render(latent.w).clamp(-1, 1))
    assert torch.equal(made.generator.render(latent.w).clamp(-1, 1), made.photos["first"].pixels)
    assert list(made.extractors) == ["identity", "depth"] and made.extractors["depth"] is abs
    assert made.extractors["identity"](made.photos["first"].pixels).shape == (1, 48)
    assert Between().edit(made, Between.Options()).image.shape == (1, 3, 32, 32)
    with pytest.raises(ValueError, match="wants latents"):
        scene(Between, [torch.zeros(1, 3, 32, 32)])
    with pytest.raises(ValueError, match="no images called 'second'"):
        scene(Between, {"second": []})


def test_scene_inverts_with_registered_inverters(scene: Callable[..., i2i.Scene]) -> None:
    made = scene("invert")
    (inversion,) = made.invert(made.photos["image"].pixels, "projector,steps=3")
    assert inversion.latent.w.shape == (1, 5, 8)


def test_cli_returns_exit_code_and_output(cli: Callable[..., Any]) -> None:
    version = cli("--version")
    assert (version.exit_code, version.stdout) == (0, f"i2i {i2i.__version__}\n") and version.stderr == ""
    wrong = cli("plugins", "show", "absent")
    assert wrong.exit_code == 2 and "absent" in wrong.stderr and wrong.stdout == ""


@pytest.mark.i2i_plugins([Warm])
def test_cli_has_the_plugins_of_the_fixture_registry(cli: Callable[..., Any]) -> None:
    assert [plugin["things"] for plugin in json.loads(cli("plugins", "list", "--json").stdout)["plugins"]] == [
        ["editor:warm"]
    ]


def test_importing_the_pytest_plugin_imports_no_torch() -> None:
    code = "import sys, i2i.testing.plugin, i2i.testing; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
