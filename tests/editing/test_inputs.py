"""What ``--image`` may say, and which of an editor's pictures each one becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import i2i
from i2i.editing.inputs import assign_inputs
from i2i.editing.settings import EditCallbacks, EditSettings, read_inversion


def editor(wanted: str, *photos: str) -> type[i2i.Editor]:
    return type("Some", (i2i.Editor,), {"name": "some", "summary": "-", "photos": photos, "wants": wanted})


MANY = ("image+", "other*")


@pytest.mark.parametrize(
    ("photos", "images", "expected"),
    [
        (("image",), [], "image=seed:0"),
        (("image+",), [], "image=seed:0"),
        (("target", "source"), [], "target=seed:0 source=seed:1"),
        (("image",), ["seed:7"], "image=seed:7"),
        (("image+",), ["seed:1", "seed:2"], "image=seed:1 image=seed:2"),
        (MANY, ["seed:1", "seed:2"], "image=seed:1 other=seed:2"),
        (MANY, ["seed:1", "seed:2", "seed:3"], "image=seed:1 other=seed:2 other=seed:3"),
        (MANY, ["seed:1", "seed:2", "other=seed:3"], "image=seed:1 image=seed:2 other=seed:3"),
        (MANY, ["other=seed:3", "image=seed:1"], "image=seed:1 other=seed:3"),
        (("image", "mask?"), ["seed:1"], "image=seed:1"),
        (("image", "mask?"), ["seed:1", "seed:2"], "image=seed:1 mask=seed:2"),
    ],
)
def test_pictures_find_their_places(photos: tuple[str, ...], images: list[str], expected: str) -> None:
    found = assign_inputs(editor("latent", *photos), images)
    assert " ".join(f"{each.slot}={each.label}" for each in found) == expected


@pytest.mark.parametrize(
    ("wanted", "photos", "images", "text"),
    [
        ("pixels", ("image",), [], "takes 1 photo(s) (image), but 0 were given: use --image PATH"),
        ("pixels", ("image",), ["seed:3"], "works on the pixels of photos"),
        ("latent", ("image",), ["seed:1", "seed:2"], "takes 1 image(s) (image), but 2 were given"),
        ("latent", ("target", "source"), ["seed:1"], "takes 2 image(s) (target, source), but 1 was given"),
        ("latent", ("image", "other*"), ["image=seed:1", "image=seed:2"], "at least 1 image(s) (image, other...)"),
        ("latent", ("image",), ["seed:"], "write a seed as a whole number from 0 to 4294967295"),
        ("latent", ("image",), ["seed:-1"], "write a seed as a whole number"),
        ("latent", ("image",), ["seed:4294967296"], "write a seed as a whole number"),
        ("latent", ("image",), ["seed:²"], "write a seed as a whole number"),
        ("latent", ("image",), ["absent.safetensors"], "there is no such file; name a photo, seed:N or"),
        ("latent", ("image",), ["."], "it is a folder"),
        ("latent", ("image",), [""], '--image "": name a photo, seed:N or'),
        ("latent", ("image",), ["image="], '--image "": name a photo, seed:N or'),
        ("latent", ("image",), ["foo=seed:1"], "no image named 'foo'; write --image image=seed:1."),
        ("latent", ("target", "source"), ["t=a.png", "seed:1"], "--image target=a.png or --image source=a.png."),
    ],
)
def test_wrong_pictures_are_named(wanted: str, photos: tuple[str, ...], images: list[str], text: str) -> None:
    with pytest.raises(i2i.I2IError) as caught:
        assign_inputs(editor(wanted, *photos), images)
    assert text in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_whose_name_has_an_equals_sign_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a=b.png").touch()
    (found,) = assign_inputs(editor("pixels", "image"), [tmp_path / "a=b.png"])
    assert found.path == tmp_path / "a=b.png" and found.plain()["sha256"].startswith("e3b0c442")


def test_a_recipe_is_no_picture(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text("{}")
    with pytest.raises(i2i.I2IError, match=rf"that is the recipe of an edit; repeat it with --recipe {recipe}\.$"):
        assign_inputs(editor("latent", "image"), [recipe])
    (tmp_path / "latent.safetensors").touch()
    with pytest.raises(i2i.I2IError, match=rf"edit its result with --image {tmp_path}/latent.safetensors\.$"):
        assign_inputs(editor("latent", "image"), [recipe])


@pytest.mark.parametrize(
    ("photos", "aligned", "told"),
    [(False, True, "seeds and latents are not cropped: leave it out"), (True, False, "type --crop face as well")],
)
def test_a_face_that_nobody_looks_for_is_refused(photos: bool, aligned: bool, told: str) -> None:
    for face in (2, "all"):
        with pytest.raises(i2i.UsageError, match=f"--face {face} selects the face .*{told}"):
            EditSettings(face=face).check_images(photos, aligned)  # type: ignore[arg-type]
    EditSettings().check_images(photos, aligned)
    EditSettings(face=2).check_images(True, True)


def test_an_inversion_of_nothing_is_told() -> None:
    notes: list[str] = []
    terms = EditSettings(invert={"method": "pti"}, calls=EditCallbacks(note=notes.append))
    terms.check_images(True, True)
    assert not notes
    terms.check_images(False, True)
    assert len(notes) == 1 and notes[0].startswith("--invert and --faithful have no effect:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("pti", {"method": "pti"}),
        ("lpips, steps=50", {"method": "lpips", "steps": "50"}),
        ("lpips-weight=2", {"lpips_weight": "2"}),
        ({"method": "pti", "steps": 3}, {"method": "pti", "steps": 3}),
    ],
)
def test_how_photos_are_inverted_is_one_short_text(text: Any, expected: dict[str, Any]) -> None:
    assert read_inversion(text) == expected


def test_mistakes_in_the_terms_are_named() -> None:
    with pytest.raises(i2i.UsageError, match="write METHOD or KEY=VALUE"):
        read_inversion("steps=3,pti")
    with pytest.raises(i2i.UsageError, match="--crop round: use one of auto, face, square"):
        EditSettings(crop="round")  # type: ignore[arg-type]
    with pytest.raises(i2i.UsageError, match="--blend glue: use one of feather, poisson, plain, none"):
        EditSettings(blend="glue")  # type: ignore[arg-type]
