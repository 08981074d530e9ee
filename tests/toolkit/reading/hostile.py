"""Files made to run code, to exhaust the machine or to crash a reader: each must be refused in one sentence.

Files whose pickle is sound, but not what lies around it, are in ``misfits``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.toolkit.reading import assembling as a

HARM = str(Path(tempfile.gettempdir()) / f"i2i-harm-{os.getpid()}")
"""A folder that code in a file would make."""
_MKDIR = a.call("os.mkdir", a.text(HARM))
_PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
_BYTES = "torch.storage._load_from_bytes"

_NAMES = """
builtins.eval builtins.exec builtins.getattr builtins.__import__ builtins.bytearray __builtin__.apply
functools.partial operator.attrgetter importlib.import_module subprocess.Popen runpy._run_code torch.load
torch.hub.load torch.storage.UntypedStorage.from_file torch.serialization.load torch.jit.load numpy.load
numpy.core.multiarray.fromfile numpy.fromfile pickle.loads copyreg._reconstructor _codecs.decode codecs.open
collections.OrderedDict.fromkeys torch._utils._rebuild_tensor_v2.__globals__ torch.nn.modules.module.os
torch.nn.modules.module.Module.load_state_dict torch.nn.Module i2i.toolkit.files.home training.networks.Generator
__main__.Thing dnnlib.util.construct_class_by_name
"""
"""Names that do harm, do more than weights need, or do not exist."""


def _record(state: bytes) -> bytes:
    source = a.text(f"import os; os.mkdir({HARM!r})")
    return a.call(_PERSISTENT, a.table(type=a.text("class"), module_src=source, class_name=a.text("G"), state=state))


def _code() -> Iterator[tuple[str, bytes, str]]:
    """Files that ask for code to be run."""
    yield "direct", a.pickled(_MKDIR), "asks for os.mkdir"
    yield "protocol 2", a.pickled(_MKDIR, protocol=2), "asks for os.mkdir"
    yield (
        "by stack",
        a.pickled(a.text("posix"), a.text("system"), b"\x93", a.row(a.text(HARM)), a.REDUCE),
        "posix.system",
    )
    yield "in a torch zip", a.zipped(a.pickled(_MKDIR)), "asks for os.mkdir"
    yield "in an old torch file", a.legacy(a.pickled(_MKDIR)), "asks for os.mkdir"
    yield "in the list of keys", a.legacy(a.pickled(a.NONE))[:-40] + a.pickled(_MKDIR), "asks for os.mkdir"
    yield "in a network's state", a.pickled(_record(a.table(weight=_MKDIR))), "asks for os.mkdir"
    for nested in (a.zipped, a.legacy):
        inner = a.pickled(a.call(_BYTES, a.data(nested(a.pickled(_MKDIR)))))
        yield f"in a nested {nested.__name__}", inner, "asks for os.mkdir"
        deeper = a.call(_BYTES, a.data(nested(a.pickled(a.call(_BYTES, a.data(nested(a.pickled(_MKDIR))))))))
        yield f"twice nested {nested.__name__}", a.pickled(deeper), "lies within itself"
    for name in _NAMES.split():
        yield name, a.pickled(a.call(name, a.text(HARM))), f"asks for {name}, which"
    yield "a name of many lines", a.pickled(a.text("x\r\n\x1b[2J"), a.text("y"), b"\x93"), "asks for x???[2J.y"


def _stand_ins() -> Iterator[tuple[str, bytes, str]]:
    """Files that turn on the stand-ins themselves."""
    state = a.table(__setstate__=a.NONE, call=a.NONE)
    for name in (
        _PERSISTENT,
        "collections.OrderedDict",
        "torch.FloatStorage",
        "numpy.dtype",
        "torch.nn.modules.linear.Linear",
    ):
        yield f"state for {name}", a.pickled(a.name(name), state, a.BUILD), "takes none"
    yield "state for a tensor", a.zipped(a.pickled(a.tensor(0, (4,), (1,)), state, a.BUILD)), "takes none"
    yield "state for a plain dictionary", a.pickled(a.DICT, state, a.BUILD), "takes none"
    ordered = a.call("collections.OrderedDict")
    yield "two states", a.pickled(ordered, state, a.BUILD, state, a.BUILD), "takes none"
    yield "state for slots", a.pickled(ordered, a.row(a.NONE, state), a.BUILD), "built wrongly"
    linear = a.name("torch.nn.modules.linear.Linear")
    yield "a layer called", a.pickled(linear, a.NO_ARGUMENTS, a.REDUCE), "cannot be called"
    yield "a layer with arguments", a.pickled(linear, a.numbers(4), a.NEWOBJ), "no class"
    yield "a layer built of a list", a.pickled(linear, a.NO_ARGUMENTS, a.NEWOBJ, a.LIST, a.BUILD), "no state of its own"
    yield "a function made", a.pickled(a.name("_codecs.encode"), a.NO_ARGUMENTS, a.NEWOBJ), "no class"
    yield "a call of text", a.pickled(a.text("os.mkdir"), a.row(a.text(HARM)), a.REDUCE), "cannot be called"
    yield "a call without a tuple", a.pickled(a.name("builtins.set"), a.LIST, a.REDUCE), "cannot be called"
    yield "a stand-in as data", a.pickled(a.name("builtins.set")), "no data"
    yield "a storage as data", a.zipped(a.pickled(a.storage())), "no data"
    for encoding in ("rot13", "unicode_escape", "idna", "utf-8"):
        yield (
            f"encoded as {encoding}",
            a.pickled(a.call("_codecs.encode", a.text("x"), a.text(encoding))),
            "only latin1",
        )
    yield "an encoded list", a.pickled(a.call("_codecs.encode", a.LIST, a.text("latin1"))), "only latin1"
    for target, does, told in (("N", "Na", "no list"), (")", "(Ne", "no list"), ("]", "(NNu", "no dictionary")):
        yield f"{does} on {target}", a.pickled(target.encode(), does.encode()), told
    yield "items of a stand-in", a.pickled(a.name("builtins.set"), a.text("call"), a.NONE, b"s"), "no dictionary"
    yield "added to a list", a.pickled(a.LIST, a.MARK, a.NONE, b"\x90"), "no set"
    for key in (a.LIST, a.NO_ARGUMENTS, a.number(2**100), b"\x88", a.tensor(0, (4,), (1,))):
        yield f"the key {key[:9]!r}", a.zipped(a.pickled(a.DICT, key, a.NONE, b"s")), "neither text nor a whole number"


def _instructions() -> Iterator[tuple[str, bytes, str]]:
    """Instructions that no weight file has, or that claim what is not there."""
    for does in (b"ios\nmkdir\n", b"o", b"\x82\1", b"\x83\1\0", b"\x84\1\0\0\0", b"\x97", b"\x98", b"Px\n", b"2", b"0"):
        yield f"instruction {does[:1]!r}", a.pickled(a.MARK, a.NONE, does), "the pickle opcode "
    yield "NEWOBJ_EX", a.pickled(a.name("builtins.set"), a.NO_ARGUMENTS, a.DICT, b"\x92"), "the pickle opcode "
    yield "persistent id outside torch", a.pickled(a.NONE, b"Q"), "outside a torch file"
    yield "an unknown storage", a.zipped(a.pickled(a.row(a.text("storage"), a.NONE), b"Q")), "unknown way"
    yield "a gigantic memo index", a.pickled(a.NONE, b"r" + b"\xff" * 4), "memo makes no sense"
    yield "a memo never written", a.pickled(b"h\7"), "makes no sense"
    yield "a stack that is empty", a.pickled(b"a"), "makes no sense"
    yield "a mark that is open", a.pickled(a.MARK, a.NONE), "makes no sense"
    for long in (b"\x8e", b"\x8d", b"\x96", b"\x95"):
        yield f"gigantic {long!r}", a.pickled(long + (2**62).to_bytes(8, "little")), "cut off"
    yield "a gigantic number", a.pickled(b"\x8b" + (2**30).to_bytes(4, "little")), "the pickle opcode LONG4"
    yield "a number in many digits", a.pickled(b"I" + b"9" * 200 + b"\n"), "a number in it makes no sense"
    yield "an endless name", a.pickled(b"c" + b"x" * 10_000), "name in it is too long"
    yield "protocol 9", a.pickled(a.NONE, protocol=9), "protocol 9"


def _structures() -> Iterator[tuple[str, bytes, str]]:
    """Files that are small, and without bounds when they are read."""
    doubled = a.LIST + a.MEMOIZE + b"".join(b"]" + a.MEMOIZE + b"(h%ch%ce" % (n, n) for n in range(60))
    yield "lists of lists of lists", a.pickled(a.LIST, a.MARK, doubled, b"e"), "without end"
    wide = a.text("x") + a.MEMOIZE + b"".join(b"(" + b"h%c" % n * 100 + b"t" + a.MEMOIZE for n in range(5))
    yield "tuples of tuples", a.pickled(a.MARK, wide, a.TUPLE), "without end"
    many = a.tensor(0, (2**20,), (1,)) + a.MEMOIZE + a.GET_0 * 1000
    yield (
        "one tensor a thousand times",
        a.zipped(a.pickled(a.MARK, many.replace(a.storage(), a.storage(2**20)), a.TUPLE), {"data/0": bytes(2**22)}),
        "repeat the same bytes",
    )
    yield "deep lists", a.pickled(a.LIST * 50_000, a.APPEND * 49_999), "levels deep"
    yield "deep records", a.pickled(a.NONE, *[b"\x85"] * 100_000), "levels deep"
    yield "a list that holds itself", a.pickled(a.LIST, a.MEMOIZE, a.GET_0, a.APPEND), "holds itself"
    own = a.DICT + a.MEMOIZE + a.text("x") + _record(a.GET_0) + b"s"
    yield "a record that holds itself", a.pickled(own), "holds itself"
    numbered = a.DICT + a.number(1) + a.NONE + b"s"
    yield "a record without names", a.pickled(_record(numbered)), "names that are no text"
    yield "too many instructions", a.pickled(a.MARK, a.NONE * 600_000, a.TUPLE), "more than 400,000 steps"
    yield "too many sets", a.pickled(a.MARK, b"\x8f" * 600_000, a.TUPLE), "more than 400,000 steps"
    numbers = [a.number(n) for n in range(40_000)]
    pairs = [number + a.NONE + b"\x86" for number in numbers]
    for name, items in {"builtins.set": numbers, "collections.OrderedDict": pairs}.items():
        made = a.LIST + a.MEMOIZE + a.MARK + b"".join(items) + b"e"
        again = a.name(name) + a.GET_0 + b"\x85" + a.REDUCE
        yield f"{name} of much, often", a.pickled(a.MARK, made, again * 50_000, a.TUPLE), "more than 400,000 steps"
    yield "much text", a.pickled(a.MARK, a.text("x" * 2**22) * 5, a.TUPLE), "16 MB of text"
    encode = a.name("_codecs.encode") + a.row(a.GET_0, a.text("latin1")) + a.REDUCE
    yield "text encoded often", a.pickled(a.text("x" * 2**20), a.MEMOIZE, encode * 1000), "16 MB of text"
    for nested in (a.zipped, a.legacy):
        inner = nested(a.pickled(a.storage()))
        again = a.name(_BYTES) + a.GET_0 + b"\x85" + a.REDUCE
        often = a.pickled(a.MARK, a.data(inner), a.MEMOIZE, again * 50_000, a.TUPLE)
        yield f"a nested {nested.__name__} often", often, "more than 400,000 steps"


FILES: dict[str, tuple[bytes, str]] = {
    name: (content, told)
    for group in (_code, _stand_ins, _instructions, _structures)
    for name, content, told in group()
}
"""By what they do: the file's bytes, and what the sentence that refuses it must say."""
