"""The networks compute what onnxruntime computes, with gradients; graphs with anything else are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import i2i
from i2i.testing import downloaded_path
from i2i.toolkit.files import hash_file
from i2i.toolkit.weights.onnx_graph import read_onnx
from i2i_plugins.faceplugin import model_records
from i2i_plugins.faceplugin.detection import raw_outputs
from i2i_plugins.faceplugin.network import OnnxNetwork, load_onnx_network

FILES = {
    "fr_detect.onnx": (model_records.DETECTION_MODEL, (3, 240, 320)),
    "fr_feature.onnx": (model_records.IDENTITY_MODEL, (3, 112, 112)),
    "fr_landmark.onnx": (model_records.LANDMARKS_MODEL, (1, 64, 64)),
    "fr_pose.onnx": (model_records.POSE_MODEL, (3, 224, 224)),
}


def used_outputs(path: Path) -> list[str]:
    """The outputs that the extractors use: of the detector those before boxes are decoded."""
    graph = read_onnx(path)
    return list(raw_outputs(graph) if path.name == "fr_detect.onnx" else graph.outputs)


@pytest.mark.parametrize("name", FILES)
def test_each_network_answers_like_onnxruntime(name: str, weights: Path) -> None:
    names = used_outputs(weights / name)
    network = OnnxNetwork(read_onnx(weights / name), names)
    images = torch.randn(2, *FILES[name][1], generator=torch.Generator().manual_seed(0)).clamp(-2, 2)
    with torch.no_grad():
        outputs = network(images)
    model = onnx.load(weights / name)
    given = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=each) for each in names if each not in given)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for place_, image in enumerate(images):
        expected = session.run(names, {"input": image[None].numpy()})
        assert len(expected) == len(outputs)
        for output, value in zip(outputs, expected, strict=True):
            assert np.abs(output[place_].numpy() - value[0]).max() < 1e-4
    assert all(not parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", FILES)
def test_gradients_are_those_of_small_differences(name: str, weights: Path) -> None:
    network = OnnxNetwork(read_onnx(weights / name), used_outputs(weights / name)).double()
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, *FILES[name][1], generator=generator, dtype=torch.float64).requires_grad_()
    direction = torch.randn(image.shape, generator=generator, dtype=torch.float64)

    def value(x: torch.Tensor) -> torch.Tensor:
        return sum((output.square().mean() for output in network(x)), torch.zeros(()))

    (gradient,) = torch.autograd.grad(value(image), image)
    with torch.no_grad():
        step = 1e-8  # a larger one crosses kinks of ReLU
        difference = (value(image + step * direction) - value(image - step * direction)) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(float(difference), rel=1e-3)


def test_the_records_name_the_files(weights: Path) -> None:
    for name, (model, _) in FILES.items():
        digest = hash_file(weights / name)
        package, file = model.sources
        assert isinstance(package, i2i.NpmSource) and isinstance(file, i2i.FileSource)
        assert model.sha256 == digest == file.sha256 and dict(package.members) == {f"package/model/{name}": digest}
        assert model.bytes == file.bytes == (weights / name).stat().st_size and file.url.endswith(f"/model/{name}")
        assert model.bundles == {"faces"} and model.convert is None and model.licence.startswith("MIT")


def test_weights_are_found_where_models_are_kept(weights: Path) -> None:
    from i2i_plugins.faceplugin.pose import HeadPose

    device = i2i.choose_device("cpu", "fp32")
    with pytest.raises(i2i.I2IError, match="The model 'faceplugin-pose'"):
        HeadPose(device)
    file = downloaded_path(model_records.POSE_MODEL).with_name("faceplugin-pose.onnx")
    file.symlink_to(weights / "fr_pose.onnx")
    assert HeadPose(device)(torch.zeros(1, 3, 64, 64)).shape == (1, 3)


def graph(*nodes: Any, opset: int = 9, outputs: tuple[str, ...] = ("y",)) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    weights = numpy_helper.from_array(np.ones((3, 3, 3, 3), np.float32), "w")
    made = helper.make_graph(
        list(nodes),
        "graph",
        [value("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [value(name, TensorProto.FLOAT, None) for name in outputs],
        [weights],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)])


def convolution(**attributes: Any) -> Any:
    given: dict[str, Any] = {
        "kernel_shape": [3, 3],
        "pads": [1, 1, 1, 1],
        "strides": [1, 1],
        "dilations": [1, 1],
        "group": 1,
    }
    given = {name: value for name, value in {**given, **attributes}.items() if value is not None}
    return helper.make_node("Conv", ["x", "w"], ["y"], **given)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (graph(helper.make_node("Sigmoid", ["x"], ["y"])), "operator 'Sigmoid', which is not supported"),
        (graph(helper.make_node("Relu", ["x"], ["y"], domain="com.x")), "operator 'com.x.Relu'"),
        (graph(convolution(auto_pad="SAME_UPPER")), "attribute 'auto_pad' with a value that is not supported"),
        (graph(convolution(pads=[1, 0, 1, 1])), "attribute 'pads' with a value"),
        (graph(convolution(pads=[10**9] * 4)), "attribute 'pads' with a value"),
        (graph(convolution(strides=[0, 1])), "attribute 'strides' with a value"),
        (graph(convolution(group=None)), "lacks the attribute 'group'"),
        (graph(helper.make_node("Relu", ["z"], ["y"])), "Relu takes 'z' before that is computed"),
        (graph(helper.make_node("Add", ["x", "x", "x"], ["y"])), "Add has 3 inputs"),
        (graph(convolution(), outputs=("z",)), "does not compute 'z'"),
        (graph(convolution(), opset=13), "opset 13"),
        (graph(convolution(), outputs=("y", "y")), "does not have one input (1, 3, 8, 8) and 1 outputs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_graphs_are_refused(model: onnx.ModelProto, told: str, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(i2i.I2IError) as caught:
        load_onnx_network(path, (1, 3, 8, 8), 1)
    said = str(caught.value)
    assert said.startswith(f"{path} holds another network than Faceplugin's: ") and told in said
    path.write_bytes(graph(convolution()).SerializeToString())
    (output,) = load_onnx_network(path, (1, 3, 8, 8), 1)(torch.ones(2, 3, 8, 8))
    assert output.shape == (2, 3, 8, 8) and output[0, 0, 4, 4] == 27
