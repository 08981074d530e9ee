"""The safe reader of weight files: any format, as plain data; no code in a file is ever run.

``read_weights`` returns an ``i2i.Contents``. ``reader`` reads safetensors, ``containers`` torch files and pickles,
``onnx_messages`` ONNX files, ``openvino`` networks of OpenVINO. ``opcodes`` measures the opcodes of a pickle,
``unpickler`` interprets them on plain data, ``allow_list`` has the names that a pickle may use, ``limits`` bounds time
and memory, ``state_dicts`` converts state dicts to torch tensors, and ``onnx_graph`` returns the graph of an ONNX file.
"""

from ...api.contents import HEADER
from .reader import read_weights, weight_files

__all__ = ["HEADER", "read_weights", "weight_files"]
