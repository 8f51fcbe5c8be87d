"""One training step of a config's network in PyTorch, in float64: `python3 torch_step.py STEP RESULT`.

STEP is what torch_step.ts writes: a safetensors file with the config as JSON in its metadata, images `x` [batch, height,
width, channels], `labels`, parameters `before/...`, and a factor for each element that a dropout layer lets through,
`mask/dropout1`. RESULT holds `loss`, and `after/...` and `velocity/...` of each parameter, in float32.
"""

import json
import sys

import numpy as np
import torch
import torch.nn.functional as F


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(body[start:end], dtype="<f4").reshape(entry["shape"])
    return metadata, tensors


def write(path, tensors):
    header, parts, at = {}, [], 0
    for name, array in tensors.items():
        data = np.ascontiguousarray(array, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for data in parts:
            file.write(data)


def forward(network, params, masks, x):
    """x is [batch, channels, height, width]."""
    dropouts = 0
    for layer in network:
        if layer == "globalAveragePool":
            x = x.mean(dim=(2, 3), keepdim=True)
        elif "dropout" in layer:
            dropouts += 1
            if layer["dropout"]["rate"] > 0:
                x = x * masks[f"dropout{dropouts}"]
        elif "maxPool" in layer:
            x = F.max_pool2d(x, layer["maxPool"]["kernel"], layer["maxPool"]["stride"], ceil_mode=True)
        elif "conv" in layer:
            options = layer["conv"]
            kernel, padding = options["kernel"], options["padding"]
            before, after = {"same": ((kernel - 1) // 2, kernel // 2), "valid": (0, 0)}.get(padding, (padding, padding))
            w, b = params[options["name"] + "/w"], params[options["name"] + "/b"]
            x = F.conv2d(F.pad(x, (before, after, before, after)), w.permute(3, 2, 0, 1), b, options["stride"])
            activation = options["activation"]
            if activation == "relu":
                x = F.relu(x)
            elif activation != "none":
                x = F.leaky_relu(x, activation["leakyRelu"]["slope"])
        else:
            raise ValueError(f"No PyTorch for {layer}")
    return x.flatten(1)


metadata, tensors = read(sys.argv[1])
config = json.loads(metadata["config"])
double = lambda array: torch.from_numpy(array.astype(np.float64))
channels_first = lambda name: double(tensors[name]).permute(0, 3, 1, 2)
under = lambda prefix: [name for name in tensors if name.startswith(prefix)]
params = {name[len("before/") :]: double(tensors[name]).requires_grad_() for name in under("before/")}
masks = {name[len("mask/") :]: channels_first(name) for name in under("mask/")}
logits = forward(config["network"], params, masks, channels_first("x"))
loss = F.cross_entropy(logits, torch.from_numpy(tensors["labels"].astype(np.int64)))
loss.backward()

sgd = config["training"]["optimizer"]["sgd"]
rate = config["training"]["learningRate"]["base"]
optimizer = torch.optim.SGD(params.values(), lr=rate, momentum=sgd["momentum"], weight_decay=sgd["weightDecay"])
optimizer.step()
result = {"loss": loss.detach().reshape(1).numpy()}
for name, parameter in params.items():
    result[f"after/{name}"] = parameter.detach().numpy()
    # Caffe's velocity, which the rate is part of; the first step starts from 0.
    gradient = parameter.grad + sgd["weightDecay"] * double(tensors[f"before/{name}"])
    result[f"velocity/{name}"] = (-rate * gradient).numpy()
write(sys.argv[2], result)
