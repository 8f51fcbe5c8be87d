"""Trains a plain convolutional network in PyTorch, in float32: `python3 torch_curves.py FOLDER`.

FOLDER is what torch_curves.ts writes: images and labels of the training and the test examples, and `run.safetensors`
with initial values, the order of the examples in each epoch, the rate of each step, and the config as JSON. Writes
`curve.json` there: the mean loss of each window of steps, and the test error after each epoch in percent.
"""

import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

folder = sys.argv[1]
with open(f"{folder}/run.safetensors", "rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    body = file.read()
metadata = header.pop("__metadata__")
tensors = {}
for name, entry in header.items():
    start, end = entry["data_offsets"]
    tensors[name] = np.frombuffer(body[start:end], dtype="<f4").reshape(entry["shape"])
config, window, epochs = json.loads(metadata["config"]), int(metadata["window"]), int(metadata["epochs"])


def read(split):
    labels = torch.from_numpy(np.fromfile(f"{folder}/{split}.labels", dtype="<u4").astype(np.int64))
    images = np.memmap(f"{folder}/{split}.images", dtype="<f4", mode="r").reshape(len(labels), -1)
    return images, labels


def batch_of(images, examples):
    height, width, channels = 32, 32, 3
    x = torch.from_numpy(images[examples]).view(-1, height, width, channels)
    return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def forward(params, x):
    for layer in config["network"]:
        if layer == "globalAveragePool":
            x = x.mean(dim=(2, 3))
            continue
        if "dropout" in layer:  # its rate is 0
            continue
        options = layer["conv"]
        padding = options["kernel"] // 2 if options["padding"] == "same" else 0
        x = F.conv2d(x, params[options["name"] + "/w"], params[options["name"] + "/b"], options["stride"], padding)
        if options["activation"] == "relu":
            x = F.relu(x)
    return x


params = {}
for name, array in tensors.items():
    if name.startswith("order/") or name == "rates":
        continue
    value = torch.from_numpy(array.copy())
    params[name] = (value.permute(3, 2, 0, 1) if value.ndim == 4 else value).contiguous().requires_grad_()
velocity = {name: torch.zeros_like(value) for name, value in params.items()}
training = config["training"]
sgd, batch, clip = training["optimizer"]["sgd"], training["batch"], training.get("clipNorm")
(images, labels), (test_images, test_labels) = read("train"), read("test")
losses, errors, total, step = [], [], 0.0, 0
for epoch in range(epochs):
    order = tensors[f"order/{epoch}"].astype(np.int64)
    for first in range(0, len(order) - batch + 1, batch):
        chosen = order[first : first + batch]
        loss = F.cross_entropy(forward(params, batch_of(images, chosen)), labels[chosen])
        grads = torch.autograd.grad(loss, list(params.values()))
        with torch.no_grad():
            norm = torch.sqrt(sum((grad.double() ** 2).sum() for grad in grads)).item()
            scale = 1.0 if clip is None else min(1.0, clip / norm)
            rate = float(tensors["rates"][step])
            # Caffe's convention: the rate is part of the velocity, which matters as it changes.
            for (name, value), grad in zip(params.items(), grads):
                change = rate * (scale * grad + sgd["weightDecay"] * value)
                velocity[name].mul_(sgd["momentum"]).sub_(change)
                value.add_(velocity[name])
        total += loss.item()
        step += 1
        if step % window == 0:
            losses.append(total / window)
            total = 0.0
    with torch.no_grad():
        wrong = 0
        for first in range(0, len(test_labels), 500):
            examples = np.arange(first, min(first + 500, len(test_labels)))
            logits = forward(params, batch_of(test_images, examples))
            wrong += (logits.argmax(1) != test_labels[examples]).sum().item()
    errors.append(100 * wrong / len(test_labels))
with open(f"{folder}/curve.json", "w") as file:
    json.dump({"losses": losses, "errors": errors}, file)
