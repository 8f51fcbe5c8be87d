"""Trains the networks of fifty_steps_test.ts in float64. Parameters keep our names and layouts: kernels are [height, width, in, out]."""
import json
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
INFINITY = float("inf")


class Pass:
    """One pass: functions of torch on named parameters; `margin` is how near anything came to where a derivative jumps."""

    def __init__(self, values, training):
        self.values, self.training, self.margin = values, training, INFINITY

    def jumps(self, distances):
        self.margin = min(self.margin, distances.detach().abs().min().item())

    def relu(self, x, slope=0.0):
        self.jumps(x)
        return F.leaky_relu(x, slope)

    def conv(self, x, name, stride=1, padding=0):
        return F.conv2d(x, self.values[name + "/w"].permute(3, 2, 0, 1), self.values[name + "/b"], stride, padding)

    def dense(self, x, name):
        w = self.values[name + "/w"]
        y = x.permute(0, 2, 3, 1).flatten(1) @ w.flatten(0, 2) + self.values[name + "/b"]
        return y[:, :, None, None]

    def norm(self, x, name, momentum=0.1, epsilon=1e-5):
        gamma, beta, mean, variance = (self.values[f"{name}/{key}"] for key in ("gamma", "beta", "mean", "variance"))
        return F.batch_norm(x, mean, variance, gamma, beta, self.training, momentum, epsilon)

    def max_pool(self, x, kernel, stride, padding=(0, 0), up=False):
        y = F.max_pool2d(x, kernel, stride, padding, ceil_mode=up)
        (height, width), (top, left) = kernel, padding
        windows = F.pad(x, (left, width, top, height), value=-INFINITY).unfold(2, height, stride[0]).unfold(3, width, stride[1])
        first, second = windows[:, :, : y.shape[2], : y.shape[3]].flatten(4).topk(2).values.unbind(-1)
        self.jumps(first - second)
        return y


def windows(net, x):
    """Each kernel, stride and padding differs between the axes, or between the sides."""
    x = F.silu(net.conv(F.pad(x, (2, 1, 1, 0)), "conv1", stride=(2, 1)))
    x = net.max_pool(x, (2, 3), (1, 2), padding=(1, 1), up=True)
    sides = (0, 1, 1, 0)
    x = F.avg_pool2d(F.pad(x, sides), (3, 2), (2, 1)) / F.avg_pool2d(F.pad(torch.ones_like(x), sides), (3, 2), (2, 1))
    x = net.relu(net.conv(F.pad(x, (0, 1, 0, 1)), "conv2"), 0.25)
    x = F.avg_pool2d(x, 2, (1, 2), (1, 0), count_include_pad=True)
    x = net.max_pool(F.pad(x, (0, 0, 1, 0), value=-INFINITY), (2, 2), (2, 2))
    return net.dense(net.relu(net.dense(x, "dense1")), "dense2")


def blocks(net, x):
    x = net.norm(net.conv(x, "conv1", padding=1), "norm1")
    y = net.norm(net.conv(x, "block1/conv1", padding=1), "block1/norm", 0.2, 1e-3)
    y = F.dropout(F.gelu(y), 0.0, net.training)
    x = x + net.conv(y, "block1/conv2", padding=(0, 1))
    y = net.conv(F.silu(net.norm(x, "block2/norm")), "block2/conv", stride=2, padding=1)
    x = y + net.conv(x, "block2/projection", stride=2)
    x = net.relu(net.norm(x, "norm2"))
    x = net.conv(x, "head/conv")
    x = x * torch.exp(-x * x)
    return net.conv(x, "conv3").mean((2, 3))


def train(given):
    network = globals()[given["network"]]
    values = {name: torch.tensor(v["data"]).view(v["shape"]) for name, v in given["start"].items()}
    trained = [values[name].requires_grad_() for name in given["trained"]]
    images = torch.tensor(given["images"]).view(-1, given["batch"], *given["input"]).permute(0, 1, 4, 2, 3)
    labels = torch.tensor(given["labels"]).view(len(images), -1)
    optimizer = torch.optim.SGD(trained, lr=given["rate"], momentum=given["momentum"], weight_decay=given["decay"])
    losses, margin = [], INFINITY
    for step in range(given["steps"]):
        net = Pass(values, True)
        at = step % len(images)
        loss = F.cross_entropy(network(net, images[at]).flatten(1), labels[at])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        margin = min(margin, net.margin)
    logits = network(Pass(values, False), images[0]).flatten().tolist()
    values = {name: v.flatten().tolist() for name, v in values.items()}
    return {"losses": losses, "margin": margin, "values": values, "logits": logits}


if __name__ == "__main__":
    print(json.dumps([train(given) for given in json.load(sys.stdin)]))
