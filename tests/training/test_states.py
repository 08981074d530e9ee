"""The state of a trainer in checkpoints: what is written can be read back, and the rest is refused by name."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import i2i
from i2i.registry import Plugin, find_plugins
from i2i.training import checkpoints
from i2i.training.checkpoints import Checkpoints
from i2i.training.runs import open_run
from i2i.training.states import TAG, check_state, decode_state, encode_state, require_same


class Level(enum.IntEnum):
    HIGH = 1


class Noisy(i2i.Trainer):
    """Adds NumPy noise to one weight, and keeps the noise and its generator in its state."""

    name = "noisy"
    summary = "A trainer with NumPy state."
    extra: ClassVar[Callable[[int], Any]] = staticmethod(lambda step: None)
    """What else the state holds after a step."""

    def __init__(self, options: i2i.Options, device: i2i.Device) -> None:
        self.net = nn.Conv2d(3, 3, 1)
        self.networks = {"generator": self.net.to(device)}
        self.rng = np.random.default_rng(0)
        self.buffer: list[np.ndarray] = []
        self.steps = 0

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        noise = self.rng.normal(size=3)
        self.buffer = [*self.buffer[-2:], noise]
        self.steps += 1
        self.net.bias.data += torch.from_numpy(np.sum(self.buffer, axis=0)).to(self.net.bias)
        return {"loss": self.net.bias.detach().sum()}

    def sample(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            pictures: torch.Tensor = self.net(batch["input"])
        return pictures.clamp(-1, 1)

    def state_dict(self) -> dict[str, Any]:
        return {
            "buffer": self.buffer,
            "rng": self.rng.bit_generator.state,
            "best": np.float32(self.steps),
            "extra": type(self).extra(self.steps),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert all(isinstance(noise, np.ndarray) and noise.dtype == np.float64 for noise in state["buffer"])
        assert type(state["best"]) is np.float32
        self.buffer, self.steps = state["buffer"], int(state["best"])
        self.rng.bit_generator.state = state["rng"]


@pytest.fixture
def train(pairs: Path, tmp_path: Path) -> Callable[..., Any]:
    """``train(out, steps, **options)`` with the trainer ``noisy`` of ``i2i-noisy`` 3.2."""
    module = ModuleType("noisy")
    module.register_trainers = i2i.hookimpl(lambda register: register(Noisy))  # type: ignore[attr-defined]
    module.register_trainers.__name__ = "register_trainers"
    registry = i2i.Registry([Plugin("noisy", "i2i-noisy", "3.2", module), *find_plugins(["folder"])])

    def run(out: str, steps: int, **options: Any) -> Any:
        given = {"dataset": "folder", "data_root": str(pairs), "size": 32, "device": "cpu", "workers": 0, **options}
        given = {"steps": steps} if options.get("resume") else given | {"out": tmp_path / out, "steps": steps}
        resume = {"resume": tmp_path / out} if options.get("resume") else {}
        return i2i.train("noisy", registry=registry, quiet=True, **resume, **given)

    return run


def test_numpy_state_resumes_exactly(train: Callable[..., Any]) -> None:
    whole = train("whole", 6)
    cut = train("cut", 3)
    train("cut", 6, resume=True)
    one, other = load_file(whole.checkpoint(6)), load_file(cut.checkpoint(6))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


WHO = r"The trainer 'noisy' of i2i-noisy 3\.2 cannot be saved: "


def test_state_is_refused_before_the_first_step(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noisy, "extra", staticmethod(lambda step: {"pool": [0, deque([1])]}))
    monkeypatch.setattr(Noisy, "step", None)
    where = r"state_dict\(\)\['extra'\]\['pool'\]\[1\] is a collections\.deque; allowed are dict, list, .*NumPy"
    with pytest.raises(i2i.I2IError, match=WHO + where):
        train("never", 3)
    assert not (tmp_path / "never").exists()


def test_state_is_refused_at_the_first_checkpoint(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noisy, "extra", staticmethod(lambda step: deque([1]) if step else None))
    with pytest.raises(i2i.I2IError, match=WHO + r"state_dict\(\)\['extra'\] is a collections\.deque"):
        train("run", 100, checkpoint_every=2, sample_every=100, validate_every=100)
    run = open_run(tmp_path / "run")
    assert run.summary()["steps"] == 2 and "collections.deque" in run.summary()["reason"]
    assert run.steps() == [] and not list((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        (np.bytes_(b"a\0"), r"state_dict\(\)\['extra'\] is another value when it is read back"),
        (torch.zeros(1), r"the file of its state_dict\(\) cannot be read back \(UnpicklingError"),
    ],
)
def test_state_is_read_back_at_the_first_checkpoint(
    extra: Any, fault: str, train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noisy, "extra", staticmethod(lambda step: extra))
    if isinstance(extra, torch.Tensor):  # as if a type that was let through could not be read
        monkeypatch.setattr(checkpoints, "_load_state", refuse)
    with pytest.raises(i2i.I2IError, match=WHO + fault):
        train("run", 100, checkpoint_every=2, sample_every=100, validate_every=100)
    assert open_run(tmp_path / "run").summary()["steps"] == 2
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


def refuse(path: Path) -> dict[str, Any]:
    raise ValueError("UnpicklingError: no")


def test_only_the_first_checkpoint_is_read_back(train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    read, load = [], checkpoints._load_state
    monkeypatch.setattr(checkpoints, "_load_state", lambda path: read.append(path) or load(path))
    train("run", 4, checkpoint_every=1)
    assert len(read) == 1 and read[0].name.startswith(".step_000001.state")


def test_check_state_lets_a_state_come_later() -> None:
    class Later(Noisy):
        def __init__(self) -> None: ...

        def state_dict(self) -> dict[str, Any]:
            return {"seen": self.seen}  # type: ignore[attr-defined]

    check_state(Later(), "trainer 'later'")


SOUND = {
    "plain": [None, True, 1, 2**200, 0.5, float("nan"), 1 + 2j, "é", b"\0", bytearray(b"x"), {1, "a"}],
    "containers": ((1, [2, ()]), OrderedDict(b=1, a=2), Counter("aab"), {(1, "a"): 2, None: 3, b"k": 1}),
    "torch": [torch.Size([1]), torch.float16, torch.device("cpu"), torch.strided, nn.Parameter(torch.ones(2))],
    "tensors": [torch.zeros(0), torch.tensor(True), torch.tensor(1j), torch.full((2,), torch.nan).bfloat16()],
    "network": nn.BatchNorm1d(2).state_dict(),
    "paths": {"path": Path("a/b")},
    "arrays": [np.zeros((2, 3), order="F"), np.array(5.0), np.zeros((0, 3)), np.array([1, 2], ">i4")],
    "kinds of arrays": [np.array(["a", "bc"]), np.array([True]), np.zeros(2, [("a", "f4"), ("b", "U3")])],
    "scalars": [np.float64(2), np.float32("nan"), np.bool_(True), np.str_("é"), np.datetime64("2020-01-01")],
    "generators": [np.random.get_state(), np.random.default_rng(0).bit_generator.state, torch.get_rng_state()],
}


@pytest.mark.parametrize("name", SOUND)
def test_state_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    run = Checkpoints(tmp_path, {"trainer": "x"})
    state = {"trainer": {"value": SOUND[name]}, "device": {}, "best": None}
    run.save(1, {"w": torch.zeros(1)}, state, None, 3, verify=True)
    read = run.read_state(1)["trainer"]
    require_same(state["trainer"], read, "trainer")
    if name == "network":
        assert read["value"]._metadata == SOUND[name]._metadata
    if name == "arrays":
        assert [each.flags.f_contiguous for each in read["value"]] == [each.flags.f_contiguous for each in SOUND[name]]
        assert all(each.flags.writeable for each in read["value"]) and read["value"][3].dtype.str == ">i4"


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
UNSOUND = {
    "deque": (deque(), r"\['a'\]\[0\] is a collections\.deque"),
    "defaultdict": (defaultdict(int), r"\['a'\]\[0\] is a collections\.defaultdict"),
    "enumeration": (Level.HIGH, r"\['a'\]\[0\] is a .*\.Level"),
    "object array": ({"x": np.array([None])}, r"\['a'\]\[0\]\['x'\] is a NumPy array of type object"),
    "masked array": (np.ma.array([1], mask=[1]), r"\['a'\]\[0\] is a numpy\.ma\.\S*MaskedArray"),
    "function": (len, r"\['a'\]\[0\] is a builtin_function_or_method"),
    "no data": (torch.empty(1, device="meta"), r"\['a'\]\[0\] is a tensor on the device 'meta'"),
    "NumPy key": ({np.int64(3): 1}, r"\['a'\]\[0\] has the key or element .*3.*, which is a numpy\.int64"),
    "element": ({frozenset()}, r"\['a'\]\[0\] has the key or element frozenset\(\)"),
    "tag": ({TAG: 1}, r"\['a'\]\[0\] has the key '__i2i__'"),
    "cycle": (CYCLE, " contains itself"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_state_that_cannot_be_read_back_is_refused_with_its_place(name: str) -> None:
    value, fault = UNSOUND[name]
    with pytest.raises(i2i.I2IError, match=rf"^The trainer 'x' of y 1 cannot be saved: state_dict\(\){fault}"):
        encode_state({"a": (value,)}, "trainer 'x' of y 1")


@pytest.mark.parametrize(("state", "fault"), [(None, "is None instead of a dict"), ([1], "is a list instead")])
def test_state_must_be_a_dictionary(state: Any, fault: str) -> None:
    with pytest.raises(i2i.I2IError, match=fault):
        encode_state(state, "trainer")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1], [1, 2]),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (torch.zeros(2), torch.tensor([0, torch.nan])),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2), torch.zeros(2)),
        (nn.BatchNorm1d(2).state_dict(), OrderedDict(nn.BatchNorm1d(2).state_dict())),
    ],
)
def test_require_same_finds_differences(one: Any, other: Any) -> None:
    require_same({"x": [one]}, {"x": [one]}, "trainer")
    with pytest.raises(i2i.I2IError, match=r"state_dict\(\)\['x'\]\[0\]"):
        require_same({"x": [one]}, {"x": [other]}, "trainer")


def test_state_of_an_older_checkpoint_is_read(tmp_path: Path) -> None:
    net = nn.Linear(2, 2)
    adam = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 2)).sum().backward()
    adam.step()
    state = {"generator": adam.state_dict(), "pool": [torch.ones(3), (1, 2)], "size": torch.Size([1])}
    run = Checkpoints(tmp_path, {"trainer": "x"})
    run.checkpoint(1).parent.mkdir()
    torch.save({"step": 1, "trainer": state, "device": {}, "best": None}, run.checkpoint(1).with_suffix(".state"))
    require_same(state, run.read_state(1)["trainer"], "trainer")
    assert decode_state(encode_state(state, "trainer"))["generator"].keys() == adam.state_dict().keys()
