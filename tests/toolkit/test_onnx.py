"""ONNX files are read as data, exactly; what is broken, hostile or beyond the reader is refused in one sentence."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import i2i
from i2i.toolkit.weights import read_weights
from i2i.toolkit.weights.onnx_graph import read_onnx

WEIGHTS = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) / 7


def model(*nodes: Any, initializers: Any = (), **fields: Any) -> onnx.ModelProto:
    """A small model: a convolution with weights ``w``, and ``nodes`` after it."""
    value = helper.make_tensor_value_info
    convolution = helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 1], pads=[0, 1, 0, 1], name="first")
    graph = helper.make_graph(
        [convolution, *nodes],
        "graph",
        [value("x", TensorProto.FLOAT, ["batch", 3, 8, 8]), value("w", TensorProto.FLOAT, [2, 3, 2, 2])],
        [value("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(WEIGHTS, "w"), *initializers],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], **fields)


def write(path: Path, content: onnx.ModelProto | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def test_a_graph_is_read_as_it_was_written(tmp_path: Path) -> None:
    attributes: dict[str, Any] = {
        "i": -3,
        "f": 0.5,
        "s": "same",
        "ints": [1, -(2**63)],
        "floats": [0.25, 2.0],
        "strings": ["a", "b"],
    }
    given = numpy_helper.from_array(np.array([[1, -2]], np.int64))
    nodes = [
        helper.make_node("Any", ["y", ""], ["z"], domain="com.example", **attributes),
        helper.make_node("Constant", [], ["c"], value=given),
    ]
    listed = [
        helper.make_tensor("floats", TensorProto.FLOAT, [3], [1.5, -2.0, 0.0]),
        helper.make_tensor("longs", TensorProto.INT64, [2], [-1, 2**40]),
        helper.make_tensor("ints", TensorProto.INT32, [2], [-1, 7]),
        helper.make_tensor("scalar", TensorProto.DOUBLE, [], [0.125]),
        helper.make_tensor("halves", TensorProto.FLOAT16, [2], np.array([1, -2], np.float16).tobytes(), raw=True),
    ]
    graph = read_onnx(write(tmp_path / "a.onnx", model(*nodes, initializers=listed)))
    assert (graph.opset, dict(graph.inputs), graph.outputs) == (9, {"x": (None, 3, 8, 8)}, ("y",))
    first, second, third = graph.nodes
    assert (first.op, first.inputs, first.outputs) == ("Conv", ("x", "w"), ("y",))
    assert first.attributes == {"strides": [2, 1], "pads": [0, 1, 0, 1]}
    assert (second.op, second.inputs, second.attributes) == ("com.example.Any", ("y", ""), attributes)
    assert third.attributes["value"].numpy().tolist() == [[1, -2]]
    found = {name: stored.numpy() for name, stored in graph.initializers.items()}
    assert np.array_equal(found["w"], WEIGHTS) and found["w"].dtype == np.float32
    assert {name: array.tolist() for name, array in found.items() if name != "w"} == {
        "floats": [1.5, -2.0, 0.0],
        "longs": [-1, 2**40],
        "ints": [-1, 7],
        "scalar": 0.125,
        "halves": [1.0, -2.0],
    }


def test_negative_sizes_are_not_fixed(tmp_path: Path) -> None:
    made = model()
    made.graph.input[0].type.tensor_type.shape.dim[2].dim_value = -1
    assert dict(read_onnx(write(tmp_path / "a.onnx", made)).inputs) == {"x": (None, 3, None, 8)}


TYPED: dict[str, list[Any]] = {
    "FLOAT": [0.5, -2.0],
    "DOUBLE": [0.125, -2.0],
    "FLOAT16": [0.5, -2.0],
    "BFLOAT16": [0.5, -2.0],
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "INT8": [-128, 127],
    "UINT16": [0, 2**16 - 1],
    "INT16": [-(2**15), 2**15 - 1],
    "UINT32": [0, 2**32 - 1],
    "INT32": [-(2**31), 2**31 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT64": [-(2**63), 2**63 - 1],
}


@pytest.mark.parametrize("kind", TYPED)
def test_weights_that_are_no_raw_bytes_are_read(kind: str, tmp_path: Path) -> None:
    given = helper.make_tensor("given", getattr(TensorProto, kind), [2], TYPED[kind])
    assert not given.HasField("raw_data")
    stored = read_onnx(write(tmp_path / "a.onnx", model(initializers=[given]))).initializers["given"]
    assert stored.dtype == {"FLOAT": "float32", "DOUBLE": "float64"}.get(kind, kind.lower())
    assert stored.numpy().tolist() == TYPED[kind]


def sparse() -> onnx.ModelProto:
    made = model()
    made.graph.sparse_initializer.add().dims.extend([2, 2])
    return made


def outside() -> onnx.ModelProto:
    made = model()
    (weights,) = made.graph.initializer
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    return made


def lying(change: Callable[[Any], Any]) -> onnx.ModelProto:
    made = model()
    change(made.graph.initializer[0])
    return made


def subgraph() -> onnx.ModelProto:
    return model(helper.make_node("If", ["y"], ["z"], then_branch=model().graph, else_branch=model().graph))


def functions() -> onnx.ModelProto:
    made = model()
    made.functions.add(name="own")
    return made


def twice() -> onnx.ModelProto:
    return model(initializers=[numpy_helper.from_array(WEIGHTS, "w")])


_MADE: dict[str, tuple[Callable[[], onnx.ModelProto | bytes], str]] = {
    "sparse weights": (sparse, "sparse weights, which are not read"),
    "weights elsewhere": (outside, "weights in other files"),
    "subgraphs": (subgraph, "that is not read, such as a subgraph"),
    "functions": (functions, "functions or training steps"),
    "weights twice": (twice, "has the weights 'w' twice"),
    "too few bytes": (lambda: lying(lambda w: setattr(w, "raw_data", b"1234")), "another shape than numbers"),
    "a gigantic shape": (lambda: lying(lambda w: w.dims.append(2**62)), "another shape than numbers"),
    "a negative shape": (lambda: lying(lambda w: w.dims.extend([-1, -1])), "another shape than numbers"),
    "numbers beyond their type": (
        lambda: model(
            initializers=[TensorProto(name="n", dims=[1], data_type=TensorProto.UINT8, int32_data=[256])],
        ),
        "the kind uint8 with a number that does not fit",
    ),
    "text as weights": (
        lambda: lying(lambda w: setattr(w, "data_type", TensorProto.STRING)),
        "a kind that is not read",
    ),
    "no graph": (lambda: b"\x08\x06\x12\x00", "no graph"),
    "a number without end": (lambda: b"\x08\x06\x12" + b"\xff" * 50, "no end"),
    "more than there is": (lambda: b"\x08\x06\x3a\xff\xff\xff\xff\x07", "claims more bytes"),
    "a group": (lambda: b"\x08\x06\x12\x00\x0b", "unknown type"),
    "a field of another type": (lambda: b"\x08\x06\x12\x00\x38\x01", "type that it never has"),
}


@pytest.mark.parametrize("name", _MADE)
def test_what_is_not_read_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    make, told = _MADE[name]
    path = write(tmp_path / "bad.onnx", make())
    with pytest.raises(i2i.I2IError) as caught:
        read_onnx(path)
    said = str(caught.value)
    assert said.startswith(str(path)) and told in said and said.endswith(".") and "\n" not in said


def test_a_file_of_fields_without_end_takes_no_time(tmp_path: Path) -> None:
    path = write(tmp_path / "long.onnx", b"\x08\x06\x12\x00" + b"\x28\x01" * 3_000_000)
    start = time.process_time()
    with pytest.raises(i2i.I2IError, match="steps to read"):
        read_weights(path)
    assert time.process_time() - start < 5


def test_a_shape_of_sizes_without_end_takes_no_time(tmp_path: Path) -> None:
    path = write(tmp_path / "deep.onnx", lying(lambda w: w.dims.extend([2**62] * 180_000)))
    start = time.process_time()
    with pytest.raises(i2i.I2IError, match="'w' have more than 16 dimensions"):
        read_weights(path)
    assert time.process_time() - start < 5


def test_damaged_files_are_read_or_refused_never_anything_else(tmp_path: Path) -> None:
    sound, rng, path = model().SerializeToString(), random.Random(0), tmp_path / "m.onnx"
    refused = 0
    for number in range(400):
        content = bytearray(sound)
        if number % 2:
            del content[rng.randrange(len(content)) :]
        for _ in range(rng.randrange(1, 4)):
            if content:
                content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(bytes(content))
        try:
            read_onnx(path)
        except i2i.I2IError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 150


def test_other_weight_files_are_no_onnx_files(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"w": WEIGHTS}, tmp_path / "w.safetensors")
    with pytest.raises(i2i.I2IError, match=r"w\.safetensors is no ONNX file"):
        read_onnx(tmp_path / "w.safetensors")
