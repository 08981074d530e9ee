"""Published directions: every format, layers and components, misfits, and files that are damaged or hostile."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import i2i
from i2i.toolkit.files import hash_file
from i2i_plugins.mix import direction_files, model_records
from i2i_plugins.mix.direction_files import find_direction, read_direction
from i2i_plugins.mix.editor import Mix
from tests.helpers.toy_generators import MEAN
from tests.plugins.mix.scenes import flat, mix, rows_of, scene, stripes

WAY = np.array([0.6, 0.0, 0.8], np.float32)
LAYERS = np.arange(54, dtype=np.float32).reshape(18, 3) + 1


def torch_file(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def npy(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def pickled(path: Path, content: Any) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


def components(**more: Any) -> dict[str, Any]:
    """Three axes of w in another order, as e4e stores the components of GANSpace."""
    comp = torch.eye(3)[[2, 0, 1]][:, None]
    return {"mean": torch.tensor([MEAN]), "comp": comp, "std": torch.tensor([2.0, 1.0, 0.5]), **more}


def ganspace_npz(path: Path, **more: Any) -> Path:
    """As GANSpace caches them, with an array that is not needed and larger than what is read."""
    plain = {name: np.asarray(value) for name, value in components().items()}
    arrays = {"lat_comp": plain["comp"], "lat_mean": plain["mean"], "lat_stdev": plain["std"]}
    np.savez_compressed(path, act_comp=np.zeros((2, 2**24), np.float32), **{**arrays, **more})
    return path


def exported(**more: Any) -> dict[str, Any]:
    """As GANSpace exports one component."""
    edit = {"edit_type": "latent", "edit_start": 6, "edit_end": 9, "latent_space": "W"}
    return {"name": "frown", "lat_comp": WAY[None], "lat_stdev": 2.0, **edit, **more}


@pytest.mark.parametrize(
    "file",
    [
        lambda folder: npy(folder / "boundary.npy", WAY[None].astype(np.float64)),
        lambda folder: npy(folder / "boundary.npy", np.asfortranarray(WAY)),
        lambda folder: torch_file(folder / "smile.pt", torch.from_numpy(WAY)),
        lambda folder: torch_file(folder / "smile.pt", torch.from_numpy(WAY)[None]),
        lambda folder: torch_file(folder / "pose.pt", torch.from_numpy(WAY).expand(1, 18, 3).clone()),
        lambda folder: torch_file(folder / "pose.pt", torch.from_numpy(WAY).expand(18, 3).clone()),
        lambda folder: pickled(folder / "way.pkl", WAY[None]),
    ],
)
def test_one_direction_for_all_layers(file: Any, tmp_path: Path) -> None:
    found = read_direction(file(tmp_path))
    assert found.vectors.shape == (1, 1, 3) and found.for_layers(6).shape == (1, 1, 3)
    torch.testing.assert_close(found.vectors[0, 0], torch.from_numpy(WAY))
    assert found.deviations is found.mean is found.rows is None


def test_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, read = npy(tmp_path / "age.npy", np.ones((1, 3), np.float32)), []

    def count(path: Path) -> direction_files.DirectionFile:
        read.append(path.name)
        return read_direction(path)

    monkeypatch.setattr(direction_files, "read_direction", count)
    assert find_direction(file) is find_direction(file) and read == ["age.npy"]
    npy(file, np.ones((1, 5), np.float32))
    assert find_direction(file).vectors.shape[-1] == 5 and len(read) == 2


def test_safetensors_with_one_tensor(tmp_path: Path) -> None:
    save_file({"direction": torch.from_numpy(LAYERS)}, tmp_path / "way.safetensors")
    found = read_direction(tmp_path / "way.safetensors")
    assert torch.equal(found.vectors[0], torch.from_numpy(LAYERS))


def test_layers_are_mapped_by_depth(tmp_path: Path) -> None:
    found = read_direction(npy(tmp_path / "w+.npy", LAYERS))
    assert torch.equal(found.for_layers(18)[0], torch.from_numpy(LAYERS))
    # Layer j of 6 covers rows 3j to 3j + 2 of 18; the middle one is taken.
    assert torch.equal(found.for_layers(6)[0], torch.from_numpy(LAYERS[1::3]))
    assert (
        found.for_layers(14)[0][:, 0].tolist() == LAYERS[[0, 1, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 16, 17], 0].tolist()
    )


@pytest.mark.parametrize("strength", [2.0, -0.5])
@pytest.mark.parametrize("preset", ["direction", "interfacegan"])
def test_published_strength_is_a_factor(preset: str, strength: float, tmp_path: Path) -> None:
    file = torch_file(tmp_path / "smile.pt", torch.from_numpy(WAY)[None])
    result = mix(scene(stripes(), [flat(0.1)]), preset=preset, direction=file, strength=strength, rows="0-8", frames=0)
    assert isinstance(result.latent, i2i.Latent)
    expected = torch.full((6, 3), 0.1)
    expected[:3] += strength * torch.from_numpy(WAY)
    torch.testing.assert_close(result.latent.w[0], expected)


def test_each_layer_moves_in_its_own_direction(tmp_path: Path) -> None:
    file = npy(tmp_path / "w+.npy", LAYERS[:6])
    result = mix(scene(stripes(), [flat(0.0)]), preset="direction", direction=file, strength=0.1, rows="3-17", frames=0)
    assert rows_of(result) == pytest.approx([0.0, 0.4, 0.7, 1.0, 1.3, 1.6])


def test_components_set_the_coordinate(tmp_path: Path) -> None:
    files = [torch_file(tmp_path / "pca.pt", components()), ganspace_npz(tmp_path / "cache.npz")]
    for file in files:
        for preset in ("ganspace", "direction"):
            options = {"preset": preset, "direction": file, "component": 2, "strength": 4.0, "frames": 0}
            given = scene(stripes(), [flat(0.3), flat(-0.2)])
            result = mix(given, **options)
            for each in (result, *result.others):
                assert isinstance(each.latent, i2i.Latent)
                # Component 2 is the second number, of deviation 0.5: it becomes the mean plus 4 x 0.5.
                assert each.latent.w[0, :, 1].tolist() == pytest.approx([MEAN[1] + 2.0] * 6)
            assert result.scalars["coordinate"] == pytest.approx((0.3 - MEAN[1]) / 0.5)


def test_exported_component_names_its_layers(tmp_path: Path) -> None:
    file = pickled(tmp_path / "frown.pkl", exported())
    result = mix(scene(stripes(), [flat(0.0)]), preset="direction", direction=file, strengths="-1,0,1", frames=0)
    assert isinstance(result.latent, i2i.Latent)
    # Layers 6 to 8 of 18 are layer 2 of 6; it is added to, as the file has no mean, in units of its deviation.
    assert rows_of(result) == pytest.approx([0.0, 0.0, 1.2, 0.0, 0.0, 0.0])
    assert result.table is not None and result.table.columns == ["original", "-1", "0", "1"]
    assert result.table.labels == ["a"]
    own = mix(scene(stripes(), [flat(0.0)]), preset="direction", direction=file, rows="0-2", strength=1, frames=0)
    assert rows_of(own) == pytest.approx([1.2, 0.0, 0.0, 0.0, 0.0, 0.0])


def test_grid_of_components_has_names(tmp_path: Path) -> None:
    file = torch_file(tmp_path / "pca.pt", components())
    table = mix(scene(stripes(), [flat(0.0)]), preset="direction", direction=file, component=1, grid=True).table
    assert table is not None and list(table.labels) == ["component 1", "component 2"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (torch.ones(1, 80, 3), "it has the shape (80, 3)"),
        (torch.ones(2, 18, 3), "it has the shape (2, 18, 3)"),
        (torch.zeros(1, 3), "a direction is zero or not finite"),
        (torch.tensor([1.0, float("nan"), 0.0]), "a direction is zero or not finite"),
        ({"a": torch.ones(3), "b": torch.ones(3)}, "it has 2 tensors and none is called comp"),
        (torch.tensor([True]), "it holds no numbers"),
        (components(std=torch.ones(2)), "its standard deviations do not fit"),
        (components(std=torch.zeros(3)), "its standard deviations do not fit"),
        (components(mean=torch.ones(1, 2)), "its mean does not fit"),
        (exported(latent_space="Z"), "its directions are those of Z"),
        (exported(edit_type="activation"), "it changes activations"),
        (exported(edit_end=25), "it edits layers 6 to 24 of 18"),
        (exported(edit_start=float("inf")), "cannot convert float infinity to integer"),
        (exported(lat_comp=np.float32(1)), "its components have the shape ()"),
        (components(comp=torch.tensor(1.0)), "its components have the shape ()"),
        (components(comp=torch.ones(1, 1, 1, 3)), "its components have the shape (1, 1, 1, 3)"),
        ("smile", "it holds no numbers"),
    ],
)
def test_content_that_is_no_direction_is_refused(content: Any, told: str, tmp_path: Path) -> None:
    write = pickled if isinstance(content, (dict, str)) and "comp" not in content else torch_file
    if isinstance(content, dict) and "a" in content:
        write = torch_file
    with pytest.raises(i2i.UsageError) as error:
        read_direction(write(tmp_path / "file.pt", content))
    assert told in str(error.value) and "name a file of InterFaceGAN, e4e or GANSpace" in str(error.value)


def test_components_without_dimensions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(i2i.UsageError, match=r"its components have the shape \(\)"):
        read_direction(ganspace_npz(tmp_path / "cache.npz", lat_comp=np.float32(1)))


def test_arrays_that_are_no_components_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "svm.npz", boundary=WAY[None], intercept=np.zeros(1))
    with pytest.raises(i2i.UsageError) as error:
        read_direction(tmp_path / "svm.npz")
    assert "none of its arrays is called comp or lat_comp: 'boundary', 'intercept'" in str(error.value)


class Hostile:
    """Runs a command where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def header(text: str) -> bytes:
    """A NumPy file of version 1.0 with this header, and no data."""
    line = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line


@pytest.mark.parametrize("suffix", [".pt", ".pkl", ".npy", ".npz"])
def test_no_code_in_a_file_is_run(suffix: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / f"hostile{suffix}"
    array = np.array([Hostile(mark)], dtype=object)
    if suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    elif suffix == ".npz":
        np.savez(path, lat_comp=array)
    else:
        pickled(path, Hostile(mark))
    with pytest.raises(i2i.I2IError):
        read_direction(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3)}"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 3)}"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3)}"),
        header("{'descr': '<U8', 'fortran_order': False, 'shape': (1, 3)}"),
        header("__import__('os').getcwd()"),
        header("(" * 5000),
        b"\x93NUMPY\x09\x00",
        b"\x93NUMPY",
    ],
)
def test_damaged_numpy_files_are_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "boundary.npy").write_bytes(data)
    with pytest.raises(i2i.I2IError, match=r"boundary\.npy is damaged or no file of directions \(.*\); get it again"):
        read_direction(tmp_path / "boundary.npy")
    with zipfile.ZipFile(tmp_path / "cache.npz", "w") as archive:
        archive.writestr("lat_comp.npy", data)
    with pytest.raises(i2i.I2IError, match=r"cache\.npz is damaged or no file of directions"):
        read_direction(tmp_path / "cache.npz")


def test_archives_cannot_exhaust_memory(tmp_path: Path) -> None:
    large = io.BytesIO()
    np.save(large, np.zeros((1, 2**25), np.float32))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lat_comp.npy", large.getvalue())
    with pytest.raises(i2i.I2IError, match="an array claims 134217728 bytes"):
        read_direction(tmp_path / "bomb.npz")


def test_other_dimensions_are_refused_before_the_edit(tmp_path: Path) -> None:
    file = npy(tmp_path / "smile.npy", np.ones((1, 512), np.float32))
    options = Mix.Options(preset="direction", direction=file)
    with pytest.raises(i2i.UsageError, match=r"have 512 dimensions and latent codes of this generator \(stripes\) 3"):
        Mix().check(stripes(), options)
    pca = torch_file(tmp_path / "pca.pt", components())
    with pytest.raises(i2i.UsageError, match="--component 3: there are components 0 to 2"):
        Mix().check(stripes(), Mix.Options(preset="ganspace", direction=pca, component=3))
    with pytest.raises(i2i.UsageError, match="holds 3 components and no boundary; choose --preset ganspace"):
        Mix().check(stripes(), Mix.Options(preset="interfacegan", direction=pca))
    one = npy(tmp_path / "one.npy", WAY)
    with pytest.raises(i2i.UsageError, match="--component 1: there is only component 0"):
        Mix().check(stripes(), Mix.Options(preset="direction", direction=one, component=1))


def test_another_latent_space_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []

    def edit(file: Path) -> list[str]:
        notes.clear()
        mix(scene(stripes(), [flat(0.0)], note=notes.append), preset="direction", direction=file, frames=0)
        return list(notes)

    assert edit(torch_file(tmp_path / "pca.pt", components())) == []
    (told,) = edit(torch_file(tmp_path / "other.pt", components(mean=torch.tensor([[3.0, 0.0, 0.0]]))))
    assert told.startswith("warning: ") and "belongs to another latent space" in told
    smile = npy(tmp_path / "smile.npy", WAY)
    assert edit(smile) == []  # nothing is known of its space
    space = model_records.PublishedSpace("W of others", (MEAN[0], MEAN[1] + 1.0))
    monkeypatch.setitem(model_records.SPACES, hash_file(smile), space)
    (told,) = edit(npy(tmp_path / "twin.npy", WAY))
    assert "belongs to W of others" in told


def test_records_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    monkeypatch.setenv("I2I_HOME", str(tmp_path))
    for name in ("smile", "age", "pose"):
        record = i2i.load_registry().get("model", name)
        assert (record.role, record.domain, record.licence) == ("direction", "faces", "MIT")
        file = shared / "weights" / "face_directions" / f"{name}.pt"
        assert (hash_file(file), file.stat().st_size) == (record.sha256, record.bytes)
        found = read_direction(file)
        assert found.vectors.shape == (1, 1, 512) and found.space == model_records.FFHQ
        assert float(found.vectors.norm()) == pytest.approx(1, abs=1e-5)
        with pytest.raises(i2i.I2IError, match=f"type 'i2i models fetch {name}'"):
            find_direction(Path(name))


def test_records_of_faces_alone_are_in_a_bundle() -> None:
    bundled = {model.name: model.bundles for model in model_records.MODELS}
    faces = dict.fromkeys(("smile", "age", "pose", "ganspace-ffhq"), frozenset({"faces"}))
    assert bundled == {**faces, "ganspace-cars": frozenset()}


def test_unknown_names_suggest_records() -> None:
    with pytest.raises(i2i.UsageError, match=r"--direction smiel: .* Did you mean 'smile'"):
        find_direction(Path("smiel"))
    with pytest.raises(i2i.UsageError, match=r"--direction none/smile.pt: there is no such file or record\.$"):
        find_direction(Path("none/smile.pt"))
