"""TorchScript programs: the tensors of their module are read by name, whoever made them; nothing else is."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import i2i
from i2i.toolkit.weights import read_weights
from i2i.toolkit.weights.state_dicts import read_state_dict
from tests.toolkit.reading import assembling as a
from tests.toolkit.reading import hostile


class Block(nn.Module):
    """What a program may hold beside parameters: buffers of other kinds, shared layers, numbers, lists, text."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.layers = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 1))
        self.again = self.layers[1]
        self.register_buffer("row", torch.arange(12, dtype=torch.float64)[2:9:3])
        self.register_buffer("pair", torch.tensor([1.5, -2.0], dtype=torch.bfloat16))
        self.sizes, self.rates, self.flags, self.extra = [1, 2], [0.5], [True], [torch.ones(2)]
        self.table = {"a": 1}
        self.label = "block"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.flags[0]:
            x = x * self.rates[0] + self.sizes[1] + self.table["a"] + len(self.label)
        return self.again(self.layers(self.norm(x + self.extra[0][0])).narrow(1, 0, 3)) + self.row[0] + self.pair[0]


def program(way: str, path: Path) -> dict[str, torch.Tensor]:
    """Save a module as a program; its state dict."""
    torch.manual_seed(0)
    module = nn.Sequential(Block(), nn.Conv2d(4, 2, 1, bias=False)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch prefers torch.export by now; what people have is TorchScript
        made = torch.jit.script(module) if way == "script" else torch.jit.trace(module, torch.zeros(1, 3, 4, 4))
        made.save(path)
    return module.state_dict()


@pytest.mark.parametrize("way", ["script", "trace"])
def test_the_state_dict_of_a_program_is_read_exactly(way: str, tmp_path: Path) -> None:
    state = program(way, tmp_path / "net.zip")
    contents, found = read_weights(tmp_path / "net.zip"), read_state_dict(tmp_path / "net.zip")
    assert contents.container == "torch" and list(found) == list(contents.tree)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in state.items())


def made(pickle: bytes, **members: bytes) -> bytes:
    return a.zipped(pickle, {"constants.pkl": b"", "data/0": bytes(16), **members})


def thing(name: str, **state: bytes) -> bytes:
    return a.name(f"__torch__.{name}") + a.NO_ARGUMENTS + b"\x81" + a.table(**state) + a.BUILD


TENSOR = a.tensor(0, (4,), (1,))
NAMED = thing("Net", inner=thing("nn.conv.___torch_mangle_3.Conv2d", weight=TENSOR), bias=TENSOR, other=a.number(3))


def test_names_are_the_ways_to_the_tensors_and_program_text_stays_unread(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(made(a.pickled(NAMED), **{"code/__torch__.py": b"raise SystemExit"}))
    assert list(read_weights(path).tree) == ["inner.weight", "bias"]
    path.write_bytes(a.zipped(a.pickled(NAMED), {"constants.pkl": b"", "data/0": bytes(16), "code/x.py": b"exit()"}))
    assert read_weights(path).tree["bias"].shape == (4,)


def chain(depth: int) -> bytes:
    """A module in a module in a module."""
    inner = thing("Net", weight=TENSOR)
    for _ in range(depth):
        inner = thing("Net", x=inner)
    return inner


def bush(levels: int, width: int) -> bytes:
    """Modules that each hold one and the same module several times."""
    inner = thing("Net", weight=TENSOR)
    for level in range(levels):
        shared = {f"{place:03}": b"h%c" % level for place in range(1, width)}
        inner = thing("Net", **{"000": inner + b"q%c" % level, **shared})
    return inner


FAR = thing("Net", **{"n" * 60_000: thing("Net", first=TENSOR + b"q\0", **dict.fromkeys(map(str, range(400)), b"h\0"))})
"""A module of 400 tensors, all one, that lies under a name of 60,000 letters."""

HOSTILE = {
    "a call": (made(a.pickled(a.call("os.mkdir", a.text(hostile.HARM)))), "asks for os.mkdir"),
    "a call within": (made(a.pickled(thing("Net", x=a.call("posix.system", a.text("x"))))), "asks for posix.system"),
    "a class of a program outside one": (a.zipped(a.pickled(NAMED)), "asks for __torch__.Net"),
    "a name that is no class": (made(a.pickled(thing("os;system"))), "asks for __torch__.os;system"),
    "no module": (made(a.pickled(a.LIST)), "is a TorchScript program without a network"),
    "a state that is no table": (
        made(a.pickled(a.name("__torch__.Net") + a.NO_ARGUMENTS + b"\x81" + a.LIST + a.BUILD)),
        "no state of its own",
    ),
    "a list of nothing": (made(a.pickled(a.call("torch.jit._pickle.build_intlist", a.NONE))), "make no sense"),
    "a module in itself": (
        made(a.pickled(a.name("__torch__.N") + a.NO_ARGUMENTS + b"\x81q\0" + a.table(x=b"h\0") + a.BUILD)),
        "holds itself",
    ),
    "modules without end": (made(a.pickled(chain(200))), "levels deep"),
    "modules shared without end": (made(a.pickled(bush(20, 200))), "without end"),
    "names without end": (made(a.pickled(FAR)), "more than 16 MB of text"),
    "compressed data": (a.zipped(a.pickled(NAMED), {"constants.pkl": b"", "data/0": bytes(16)}, True), "compressed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_program_made_to_harm_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    content, told = HOSTILE[name]
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(i2i.I2IError) as caught:
        read_weights(tmp_path / "net.pt")
    assert told in str(caught.value) and str(caught.value).endswith(".") and str(caught.value).isprintable()
    assert not Path(hostile.HARM).exists()
