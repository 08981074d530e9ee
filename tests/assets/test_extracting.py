"""Which extractor is taken for a role, and what is said where none can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
from i2i.assets.extractors import check_role, choose, extractor, open_chosen, roles
from i2i.registry import Registry
from i2i.testing import registry_of
from i2i.toolkit.latents.features import passes_gradients


def made(name: str, role: str = "landmarks", domain: str = "any", default: bool = False, fault: str = "") -> Any:
    """A class of extractors; one with a ``fault`` cannot be opened."""

    def begin(self: Any, device: Any) -> None:
        self.device = device
        if fault:
            raise i2i.I2IError(fault)

    body = {"name": name, "summary": "Toy.", "role": role, "domain": domain, "default": default, "__init__": begin}
    return type(name, (i2i.Extractor,), body)


DRAWN = made("drawn", domain="synthetic faces")
GOOD = made("good", domain="faces", default=True)
OLD = made("old", domain="faces")
CATS = made("cats", domain="cats")
WHO = made("who", role="identity", domain="faces")


@pytest.fixture
def registry() -> Registry:
    return registry_of(DRAWN, GOOD, OLD, CATS, WHO)


@pytest.fixture
def records(i2i_home: Path) -> Callable[..., list[i2i.Model]]:
    """Records of models, with the files of some of them in the user's folder."""

    def create(*here: str) -> list[i2i.Model]:
        for name in here:
            file = i2i_home / "models" / f"{name}.pt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        url = "https://example.org/{}.pt"
        return [
            i2i.Model(name, "Toy.", "landmarks", url.format(name), "MIT", bundles=frozenset(bundles))
            for name, bundles in {"large": (), "small": ("faces",), "old": ()}.items()
        ]

    return create


def needing(name: str, *models: str, **attributes: Any) -> Any:
    """A class of extractors of faces that needs models."""
    cls = made(name, domain="faces", default=attributes.pop("default", False))
    for key, value in {"models": models, **attributes}.items():
        setattr(cls, key, value)
    return cls


LARGE = needing("a-large", "large", default=True)
OFF = needing("b-without-gradients", differentiable=False)
SMALL = needing("c-small", "small")
JUDGE = needing("a-judge", automatic=False)
WITH_PACKAGE = needing("d", packages=("json",))


@pytest.mark.parametrize(
    ("here", "classes", "taken"),
    [
        (("large", "small"), (LARGE, OFF, SMALL), LARGE),  # the default, where it is ready
        (("small",), (LARGE, OFF, SMALL), SMALL),  # what is ready and has gradients
        ((), (LARGE, OFF, SMALL), OFF),  # what is ready
        ((), (LARGE, SMALL), SMALL),  # nothing is: what a bundle holds
        ((), (LARGE, needing("b", "old")), LARGE),  # nothing is: the default
        (("old",), (LARGE, needing("b", "old", "large")), LARGE),  # one of two files is not enough
        ((), (LARGE, needing("b", packages=("no_such_package",))), LARGE),
        ((), (LARGE, WITH_PACKAGE), WITH_PACKAGE),
        ((), (LARGE, JUDGE), LARGE),
        ((), (LARGE, needing("b", "unknown-model")), LARGE),
        ((), (LARGE, SMALL, DRAWN), SMALL),  # one for another domain is not taken, ready as it may be
    ],
)
@pytest.mark.parametrize("domain", ["faces", None])
def test_one_that_is_ready_to_use_comes_first(
    here: tuple[str, ...], classes: tuple[Any, ...], taken: Any, domain: str | None, records: Any
) -> None:
    registry = registry_of(*classes, *records(*here))
    assert choose("landmarks", registry, domain=domain).load() is taken


def test_a_record_with_a_fault_does_not_stop_the_choice(records: Any) -> None:
    faulty = i2i.Model("faulty", "Toy.", "landmarks", "", "MIT", sources=("nonsense",))  # type: ignore[arg-type]
    registry = registry_of(needing("a", "faulty"), SMALL, faulty, *records("small"))
    assert choose("landmarks", registry, domain="faces").load() is SMALL


def test_one_that_judges_is_taken_by_name_or_where_there_is_no_other() -> None:
    assert choose("landmarks", registry_of(LARGE, JUDGE), "a-judge", "faces").load() is JUDGE
    assert choose("landmarks", registry_of(JUDGE), domain="faces").load() is JUDGE


@pytest.mark.parametrize(
    ("name", "domain", "taken"),
    [
        ("old", None, OLD),
        ("old", "synthetic faces", OLD),
        (None, "synthetic faces", DRAWN),
        (None, "cats", CATS),
        (None, "faces", GOOD),
        (None, "cars", GOOD),
        (None, None, GOOD),
    ],
    ids=str,
)
def test_the_user_decides_then_the_domain_then_the_default(
    name: str | None, domain: str | None, taken: Any, registry: Registry
) -> None:
    assert choose("landmarks", registry, name, domain).load() is taken


def test_without_a_default_the_first_by_name_is_taken() -> None:
    registry = registry_of(DRAWN, OLD, CATS)
    assert choose("landmarks", registry).load() is CATS
    assert choose("landmarks", registry, domain="faces").load() is OLD


@pytest.mark.parametrize(
    ("role", "name", "kind", "said"),
    [
        ("landmarks", "godo", i2i.UsageError, "no extractor of landmarks called 'godo'. Did you mean 'good'?"),
        ("landmarks", "zzz", i2i.UsageError, "There are: cats, drawn, good, old."),
        ("landmarks", "who", i2i.UsageError, "'who' gives identity, not landmarks; choose one that does: cats, drawn"),
        ("text", None, i2i.I2IError, "No plugin provides an extractor of text: install one"),
    ],
)
def test_a_wrong_choice_names_the_right_ones(role: Any, name: str, kind: type, said: str, registry: Registry) -> None:
    with pytest.raises(i2i.I2IError) as caught:
        choose(role, registry, name)
    assert type(caught.value) is kind and said in str(caught.value)


def test_opening_by_role_or_name_hands_on_the_device(registry: Registry) -> None:
    opened: Any = extractor("landmarks", "cpu", domain="cats", registry=registry)
    assert isinstance(opened, CATS) and opened.device == "cpu" and opened.device.precision == "fp32"
    assert isinstance(extractor("who", "cpu", registry=registry), WHO)
    with pytest.raises(i2i.UsageError, match=r"no extractor called 'landmark', nor is that a role. .*'landmarks'"):
        extractor("landmark", "cpu", registry=registry)


def test_where_the_default_cannot_be_opened_the_others_are_named() -> None:
    unfetched = made("good", domain="faces", default=True, fault="Type 'i2i models fetch good'.")
    registry = registry_of(unfetched, OLD, DRAWN, WHO)
    with pytest.raises(i2i.I2IError) as caught:
        extractor("landmarks", "cpu", domain="faces", registry=registry)
    assert str(caught.value) == "Type 'i2i models fetch good'; or name another extractor of landmarks than good: old."
    with pytest.raises(i2i.I2IError, match=r"^Type 'i2i models fetch good'\.$"):
        open_chosen("landmarks", i2i.choose_device("cpu", "fp32"), registry, name="good")
    with pytest.raises(i2i.I2IError, match=r"^Type 'i2i models fetch good'\.$"):
        extractor("landmarks", "cpu", registry=registry_of(unfetched, DRAWN))


@pytest.mark.parametrize(
    ("read", "passes"),
    [
        (lambda pictures: pictures.mean(dim=(2, 3)), True),
        (lambda pictures: pictures.detach().mean(dim=(2, 3)), False),
        (lambda pictures: torch.from_numpy(pictures.numpy().mean(axis=(2, 3))), False),  # as what is no network does
    ],
)
def test_whether_gradients_pass_is_seen_without_an_error(
    read: Callable[[torch.Tensor], torch.Tensor], passes: bool
) -> None:
    pictures = torch.zeros(1, 3, 8, 8)
    with torch.no_grad():
        assert passes_gradients(read, pictures) is passes
    assert not pictures.requires_grad


def test_a_plugin_may_introduce_a_role() -> None:
    registry = registry_of(GOOD, made("near", role="depth"))
    assert roles(registry) == (*i2i.STANDARD_ROLES, "depth") and "segmentation" in roles(registry)
    assert extractor("depth", "cpu", registry=registry).name == "near"
    with pytest.raises(i2i.UsageError, match=r"no role 'dept' of extractors; the roles are landmarks, .*, depth\."):
        check_role("dept", registry)
    with pytest.raises(i2i.I2IError, match=r"No plugin provides an extractor of depth: .*known roles are landmarks"):
        choose("depth", registry_of(GOOD))
