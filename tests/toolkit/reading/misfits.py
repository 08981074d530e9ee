"""Files that lie about sizes and places, are cut off, or are no weight files: each is refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from tests.toolkit.reading import assembling as a

_ONE = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
_GIGANTIC = 2**39


def _tensors() -> Iterator[tuple[str, bytes, str]]:
    """Tensors that reach beyond their storage, and storages beyond their bytes."""
    for name, (offset, shape, stride) in {
        "gigantic": (0, (_GIGANTIC,), (1,)),
        "gigantic, and empty by one dimension": (0, (_GIGANTIC, _GIGANTIC, 0), (1, 1, 1)),
        "expanded": (0, (_GIGANTIC,), (0,)),
        "expanded a little": (0, (5,), (0,)),
        "overflowing": (0, (2**63, 2**63), (1, 1)),
        "beyond the end": (1, (4,), (1,)),
        "far strides": (0, (2, 2), (1, 3)),
        "negative stride": (3, (4,), (-1,)),
        "negative offset": (-1, (4,), (1,)),
        "negative shape": (0, (-1, -4), (1, 1)),
        "unequal dimensions": (0, (4,), (1, 1)),
        "many dimensions": (0, (1,) * 17, (1,) * 17),
    }.items():
        for pack in (a.zipped, a.legacy):
            yield f"{pack.__name__} tensor {name}", pack(a.pickled(a.tensor(offset, shape, stride))), "a tensor"
    whole = a.tensor(0, (4,), (1,))
    yield (
        "a list as shape",
        a.zipped(a.pickled(a.call("torch._utils._rebuild_tensor", a.storage(), a.number(0), a.LIST, a.LIST))),
        "is no tuple",
    )
    yield "a tensor of no storage", a.zipped(a.pickled(a.tensor(0, (4,), (1,), a.NONE))), "no view of a storage"
    yield (
        "a parameter of text",
        a.pickled(a.call("torch._utils._rebuild_parameter", a.text("x"), a.NONE, a.NONE)),
        "is no tensor",
    )
    for pack in (a.zipped, a.legacy):
        for numel in (5, _GIGANTIC, 2**80, -1):
            bad = pack(a.pickled(a.tensor(0, (4,), (1,), a.storage(numel))))
            yield f"{pack.__name__} storage of {numel}", bad, "storage"
    two = a.row(whole, a.tensor(0, (2,), (1,), a.storage(2, kind="DoubleStorage")))
    yield "one storage of two kinds", a.zipped(a.pickled(two)), "two sizes or kinds"
    yield "a storage that is not there", a.zipped(a.pickled(whole), {}), "claims more bytes"
    yield "a storage that is not listed", a.legacy(a.pickled(whole), {}), "lists other storages"
    yield "other storages listed", a.legacy(a.pickled(whole), {"1": bytes(16)}), "other sizes"
    yield (
        "a nested file without a storage",
        a.pickled(a.call("torch.storage._load_from_bytes", a.data(a.legacy(a.pickled(a.NONE), {})))),
        "is no storage",
    )


def _arrays() -> Iterator[tuple[str, bytes, str]]:
    """NumPy's arrays."""
    yield "gigantic array", a.pickled(a.array((_GIGANTIC,), bytes(4))), "another size"
    yield "overflowing array", a.pickled(a.array((2**62, 4), b"")), "shape of an array"
    yield "negative array", a.pickled(a.array((-1, -1), bytes(4))), "shape of an array"
    for code in ("O8", "V8", "U4", "M8", "i4,O"):
        yield f"array of {code}", a.pickled(a.array((1,), bytes(8), code)), "no kind of number"
    yield "big-endian array", a.pickled(a.array((1,), bytes(4), "f4", ">")), "big-endian"
    blank = a.call("numpy.core.multiarray._reconstruct", a.name("numpy.ndarray"), a.numbers(0), a.data(b"b"))
    yield "array never filled", a.pickled(blank), "never filled"
    yield (
        "array of another class",
        a.pickled(a.call("numpy.core.multiarray._reconstruct", a.name("builtins.set"), a.numbers(0), a.data(b"b"))),
        "another class",
    )
    scalar = a.call("numpy.core.multiarray.scalar", a.kind("f8"), a.data(bytes(4)))
    yield "number of too few bytes", a.pickled(scalar), "make no sense"


def _zips() -> Iterator[tuple[str, bytes, str]]:
    """Zip files."""
    sound = a.zipped(a.pickled(a.tensor(0, (4,), (1,))))
    for name in (":../../evil", ":/etc/evil", "data/../../../evil", ":a\\..\\evil"):
        yield f"member {name}", a.zipped(a.pickled(a.NONE), {name: b"x"}), "would leave the folder"
    yield "a zip bomb", a.zipped(a.pickled(a.NONE), {"data/0": bytes(2**26)}, compress=True), "is compressed"
    yield "a torch zip cut off", sound[:-60], "directory of members"
    yield "a torch zip cut short", sound[:40], "directory of members"
    entry = sound.rindex(b"PK\1\2")
    for name, place, told in (("bytes", 20, "than it says"), ("place", 42, "than it says")):
        lying = sound[: entry + place] + (2**31).to_bytes(4, "little") + sound[entry + place + 4 :]
        yield f"a member that lies about its {name}", lying, told
    both = sound[: entry + 20] + (2**31).to_bytes(4, "little") * 2 + sound[entry + 28 :]
    yield "a member longer than the file", both, "claims more bytes"
    yield "a member twice", _twice(), "twice"
    yield "90,000 members", _crowd(), "more than 400,000 steps"
    yield "another zip", a.zipped(a.pickled(a.NONE)).replace(b"data.pkl", b"data.txt"), "none that torch wrote"
    yield "a TorchScript program", a.zipped(a.pickled(a.NONE), {"constants.pkl": b"x"}), "TorchScript"
    yield "a big-endian zip", a.zipped(a.pickled(a.NONE), {"byteorder": b"big"}), "big-endian"


def _twice() -> bytes:
    sound = a.zipped(a.pickled(a.NONE), {"data/0": b"x", "data/1": b"x"})
    return sound.replace(b"data/1", b"data/0")


def _crowd() -> bytes:
    sound = a.zipped(a.pickled(a.NONE), {})
    entry, end = sound.index(b"PK\1\2"), sound.index(b"PK\5\6")
    crowd = sound[entry:end] * 90_000
    closing = bytearray(sound[end:])
    closing[8:16] = (60_000).to_bytes(2, "little") * 2 + len(crowd).to_bytes(4, "little")
    return sound[:entry] + crowd + bytes(closing)


def _headers() -> Iterator[tuple[str, bytes, str]]:
    """Safetensors."""
    sound = a.safetensors({"x": _ONE})
    yield "safetensors cut off", sound[:-1], "does not lie where"
    yield "safetensors cut in the header", sound[:30], "neither safetensors"
    yield "safetensors with a long header", a.safetensors("{" + " " * 2**23), "longer than 4 MB"
    yield "safetensors nested deep", a.safetensors('{"x":' + "[" * 200_000), "damaged"
    yield "safetensors with a name twice", a.safetensors('{"x": {}, "x": {}}'), "name twice"
    yield "safetensors with a gigantic number", a.safetensors('{"x": ' + "9" * 100_000 + "}"), "number"
    yield "safetensors with notes that are none", a.safetensors({"__metadata__": {"x": 1}}), "no text"
    yield "safetensors that overlap", a.safetensors({"x": _ONE, "y": _ONE}), "overlap"
    for key, value in {
        "data_offsets": [[0, 17], [8, 0], [-1, 15], [0], [0.0, 16.0], "ab", None],
        "shape": [[5], [-4], [4.0], [True, 4], ["a"], [2**17] * 100_000, [2**20, 2**50], 4, [1] * 17 + [4]],
        "dtype": ["F8_E4M3", "I32X", 7, None, []],
    }.items():
        for wrong in value:
            text = str(wrong)[:20]
            told = "a number that makes no sense" if "-" in text else "'x'"
            yield f"safetensors with {key} {text}", a.safetensors({"x": {**_ONE, key: wrong}}), told


def _strangers() -> Iterator[tuple[str, bytes, str]]:
    """Files of other kinds."""
    yield "nothing", b"", "is empty; get it again"
    for page in (b"<!DOCTYPE html><html>", b"\n  <html>", b"\xef\xbb\xbf<?xml version"):
        yield f"the page {page!r}", page + b"<body>Quota exceeded</body>", "web page and no weight file"
    yield "a git-lfs pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"
    yield "text", b"Not found\n", "is text and no weight file"
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(100), "neither safetensors nor"
    sound = a.pickled(a.table(x=a.text("y")))
    for length in range(1, len(sound)):
        yield f"a pickle of {length} bytes", sound[:length], "cut off"
    old = a.legacy(a.pickled(a.tensor(0, (4,), (1,))))
    for length in (18, 30, 60, len(old) - 30, len(old) - 20, len(old) - 1):
        yield f"an old torch file of {length} bytes", old[:length], "damaged"


FILES: dict[str, tuple[bytes, str]] = {
    name: (content, told)
    for group in (_tensors, _arrays, _zips, _headers, _strangers)
    for name, content, told in group()
}
"""By what is wrong: the file's bytes, and what the sentence that refuses it must say."""
