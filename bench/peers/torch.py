"""PyTorch as a peer. `python3 torch.py list` answers with the variants that this machine can run; `python3 torch.py
VARIANT` serves the protocol of protocol.ts.

A variant is a precision, then `channels_last`, then `compile` or `graphs`:

  fp32   products and sums in float32: TF32 is off for convolutions and matrix products
  tf32   convolutions and matrix products round their operands to TF32 (CUDA, Ampere or newer)
  bf16   autocast to bfloat16; parameters, momentum, loss and update stay float32
  fp16   autocast to float16 with a loss scale, where bfloat16 is slow (before Ampere)
  compile, graphs   torch.compile, the second with mode="reduce-overhead", which uses CUDA graphs
"""

import inspect
import json
import math
import os
import sys
import time
import traceback

# A file named torch.py would be found in place of PyTorch.
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]

# What libraries print is no answer: it goes to standard error, native prints too.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def say(record):
    answers.write(json.dumps(record, allow_nan=False) + "\n")


try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    say({"error": f"{sys.executable} has no PyTorch ({error}); --python names another Python"})
    sys.exit(1)


def variants():
    cuda = torch.cuda.is_available()
    precisions = ["fp32"]
    if cuda:
        ampere = torch.cuda.get_device_capability()[0] >= 8
        precisions = ["fp32", "tf32", "bf16"] if ampere else ["fp32", "fp16"]
    ways = ["", " channels_last"]
    if hasattr(torch, "compile"):
        ways += [" channels_last compile", " channels_last graphs"] if cuda else [" channels_last compile"]
    return [precision + way for precision in precisions for way in ways]


class GlobalAveragePool(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def build(network, weights):
    """The layers of the config, in PyTorch's own modules; weights come as [height, width, in, out]."""
    layers = []
    for layer in network:
        if layer == "globalAveragePool":
            layers.append(GlobalAveragePool())
        elif "dropout" in layer:
            layers.append(nn.Dropout(layer["dropout"]["rate"]))
        elif "conv" in layer:
            options = layer["conv"]
            w, b = weights[options["name"] + "/w"], weights[options["name"] + "/b"]
            kernel, padding = options["kernel"], options["padding"]
            zeros = {"same": (kernel - 1) // 2, "valid": 0}.get(padding, padding)
            conv = nn.Conv2d(w.shape[2], w.shape[3], kernel, options["stride"], zeros)
            with torch.no_grad():
                conv.weight.copy_(w.permute(3, 2, 0, 1))
                conv.bias.copy_(b)
            layers.append(conv)
            if options["activation"] == "relu":
                layers.append(nn.ReLU(inplace=True))
        else:
            raise ValueError(f"This peer knows no {next(iter(layer))}")
    return nn.Sequential(*layers)


class Trainer:
    def __init__(self, work, precision, ways):
        self.work = work
        self.cuda, self.graphs = torch.cuda.is_available(), "graphs" in ways
        device = torch.device("cuda" if self.cuda else "cpu")
        if not self.cuda:
            torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        self.autocast = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        # The usual first scale, 65536, would overflow and skip the very update that is compared.
        amp = torch.amp if hasattr(torch.amp, "GradScaler") else torch.cuda.amp
        self.scaler = amp.GradScaler(init_scale=1024.0) if precision == "fp16" else None
        batch = work["config"]["training"]["batch"]
        layout = torch.channels_last if "channels_last" in ways else torch.contiguous_format
        read = lambda name: bytearray(open(work["files"][name], "rb").read())
        images = torch.frombuffer(read("images"), dtype=torch.float32).reshape(batch, 32, 32, 3).permute(0, 3, 1, 2)
        labels = torch.frombuffer(read("labels"), dtype=torch.int32)
        self.images = images.to(device).contiguous(memory_format=layout)
        self.labels = labels.to(device=device, dtype=torch.int64)
        flat, weights, at = torch.frombuffer(read("params"), dtype=torch.float32), {}, 0
        for param in work["params"]:
            count = math.prod(param["shape"])
            weights[param["name"]] = flat[at : at + count].reshape(param["shape"])
            at += count
        self.model = build(work["config"]["network"], weights).to(device, memory_format=layout)
        self.initial = [param.detach().clone() for param in self.model.parameters()]
        self.forward = lambda: F.cross_entropy(self.model(self.images), self.labels)
        if "compile" in ways:
            self.forward = torch.compile(self.forward)
        elif self.graphs:
            self.forward = torch.compile(self.forward, mode="reduce-overhead")
        self.loss = None
        self.device = device
        self.reset()

    def describe(self):
        if self.cuda:
            return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
        return f"CPU, {torch.get_num_threads()} threads"

    def reset(self):
        with torch.no_grad():
            for param, initial in zip(self.model.parameters(), self.initial):
                param.copy_(initial)
        # At a constant rate the same as v = momentum * v - rate * (g + decay * w); w = w + v.
        sgd = self.work["config"]["training"]["optimizer"]["sgd"]
        options = {"lr": 0.0, "momentum": sgd["momentum"], "weight_decay": sgd["weightDecay"]}
        if self.cuda and "fused" in inspect.signature(torch.optim.SGD).parameters:
            options["fused"] = True
        self.optimizer = torch.optim.SGD(self.model.parameters(), **options)

    def step(self, dropout, rate):
        if self.graphs:
            torch.compiler.cudagraph_mark_step_begin()
        self.model.train(dropout)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            loss = self.forward()
        if self.scaler is None:
            loss.backward()
            self.optimizer.step()
        else:
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        self.loss = loss

    def finish(self):
        if self.cuda:
            torch.cuda.synchronize()
        return self.loss.item()

    def timed(self, count):
        """Seconds of `count` steps with dropout, and the last loss."""
        start = time.perf_counter()
        for _ in range(count):
            self.step(True, self.work["timedRate"])
        loss = self.finish()
        return time.perf_counter() - start, loss


def finite(value):
    return value if math.isfinite(value) else None


def start(trainer):
    seconds, _ = trainer.timed(1)
    losses = []
    trainer.reset()
    for _ in range(2):
        trainer.step(False, trainer.work["config"]["training"]["learningRate"]["base"])
        losses.append(finite(trainer.finish()))
    trainer.reset()
    return {
        "device": trainer.describe(),
        "version": torch.__version__,
        "loss": losses[0],
        "lossAfterUpdate": losses[1],
        "firstStepSeconds": seconds,
    }


def serve(variant):
    precision, *ways = variant.split(" ")
    trainer = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "stop":
            break
        try:
            if request["cmd"] == "start":
                trainer = Trainer(request, precision, ways)
                say({"answer": start(trainer)})
            elif trainer is None:
                say({"error": "It was not started"})
            else:
                if request["warmup"] > 0:
                    trainer.timed(request["warmup"])
                seconds, loss = trainer.timed(request["count"])
                say({"answer": {"seconds": seconds, "loss": finite(loss)}})
        except Exception as error:
            traceback.print_exc()
            lines = [line.strip() for line in str(error).split("\n") if line.strip()]
            say({"error": f"{type(error).__name__}: {' '.join(lines[:2])}"})  # the first often only announces the second


if sys.argv[1:] == ["list"]:
    say({"answer": variants()})
else:
    serve(" ".join(sys.argv[1:]))
