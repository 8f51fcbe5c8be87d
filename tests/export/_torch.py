"""Prints, as JSON, the logits of exported code and parameters: _torch.py CODE PARAMETERS INPUTS, where INPUTS holds
"images" and the tensors of a whitening."""
import importlib.util
import json
import struct
import sys

import torch


def load(path):
    """A safetensors file of float32; its own package is rarer than PyTorch."""
    data = bytearray(open(path, "rb").read())
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=8 + length + start).view(shape)
        for name, (shape, start, end) in ((n, (e["shape"], *e["data_offsets"])) for n, e in header.items())
    }


code, parameters, inputs = sys.argv[1:]
spec = importlib.util.spec_from_file_location("exported", code)
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
net = exported.network()
net.load_state_dict(load(parameters))
net.eval()
given = load(inputs)
with torch.no_grad():
    print(json.dumps(net(exported.preprocess(given.pop("images"), *([given] if given else []))).tolist()))
