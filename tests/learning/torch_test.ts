import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { elementwiseLoss } from "../../core/graph/loss.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { sequential } from "../../layers/sequential.ts";
import { optimizers } from "../../learning/optimizers/mod.ts";
import { learningRateSchema, scheduleOf } from "../../learning/schedules/mod.ts";
import * as values from "../../learning/values.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { openTrainer, type TrainerOptions } from "../../training/trainer.ts";
import { gpu, random, relativeError } from "../_gpu.ts";

const { sgd, adam, adamw, cosine, oneCycle, steps, exponential } = values;

/** Sums, a ReLU and a maximum would each take another branch in float32 some day: a network without. */
const SMOOTH = () =>
  sequential("smooth", [
    conv("conv1", { channels: 4, kernel: 3, padding: "same", stride: 2 }),
    conv("conv2", { channels: 5, kernel: 3, initialBias: 0.1 }),
    globalAveragePool("average"),
  ]);
const BATCH = 8, STEPS = 50, OUTPUTS = 5;
const IMAGES = Float32Array.from(random(BATCH * 64), (value) => 2 * value);
const LABELS = Uint32Array.from({ length: BATCH }, (_, n) => (3 * n) % OUTPUTS);
const TARGETS = Float32Array.from(random(BATCH * OUTPUTS, 4), (value) => (value + 1) / 2);
const MOMENTUM = { momentum: 0.9, weightDecay: 0.05 }, PLAIN = sgd({ momentum: 0, weightDecay: 0 });

/** What is compared, and how PyTorch says it: an optimizer of `groups`, and a loss of `y` and labels or targets. */
const CASES: Record<
  string,
  { options: Omit<TrainerOptions, "batch">; optimizer?: string; loss?: string; clip?: number }
> = {
  sgd: { options: { optimizer: sgd(MOMENTUM), learningRate: 0.05 }, optimizer: "SGD(groups, lr=1, momentum=0.9)" },
  "Nesterov's momentum": {
    options: { optimizer: sgd({ ...MOMENTUM, nesterov: true }), learningRate: 0.05 },
    optimizer: "SGD(groups, lr=1, momentum=0.9, nesterov=True)",
  },
  "biases without decay": {
    options: { optimizer: sgd({ ...MOMENTUM, decayBiases: false }), learningRate: 0.05 },
    optimizer: "SGD(groups, lr=1, momentum=0.9)",
  },
  adam: { options: { optimizer: adam({ weightDecay: 0.05 }), learningRate: 0.01 }, optimizer: "Adam(groups, lr=1)" },
  "adamw, biases without decay": {
    options: { optimizer: adamw({ weightDecay: 0.05, decayBiases: false }), learningRate: 0.01 },
    optimizer: "AdamW(groups, lr=1)",
  },
  "one cycle, clipped": {
    options: { optimizer: sgd(MOMENTUM), learningRate: oneCycle({ base: 0.1 }), clipNorm: 0.1 },
    optimizer: "SGD(groups, lr=1, momentum=0.9)",
    clip: 0.1,
  },
  "a function of the step, micro-batches": {
    options: { optimizer: sgd(MOMENTUM), learningRate: (step) => 0.1 / (1 + step), microBatch: 2 },
    optimizer: "SGD(groups, lr=1, momentum=0.9)",
  },
  "a frozen layer": {
    options: {
      optimizer: sgd(MOMENTUM),
      learningRate: 0.05,
      trainable: (name) => !name.startsWith("conv1"),
      clipNorm: 0.1,
    },
    optimizer: "SGD(groups, lr=1, momentum=0.9)",
    clip: 0.1,
  },
  "a frozen bias": {
    options: { optimizer: adam(), learningRate: 0.01, trainable: (name) => name !== "conv2/b", clipNorm: 0.1 },
    optimizer: "Adam(groups, lr=1)",
    clip: 0.1,
  },
  "smoothed labels": {
    options: { optimizer: PLAIN, learningRate: 0.1, loss: values.softmaxCrossEntropy({ labelSmoothing: 0.1 }) },
    loss: "F.cross_entropy(y, labels, label_smoothing=0.1)",
  },
  "weights of classes": {
    options: {
      optimizer: PLAIN,
      learningRate: 0.1,
      loss: values.softmaxCrossEntropy({ classWeights: [1, 2, 3, 0, 0.5] }),
    },
    loss: "F.cross_entropy(y, labels, weight=torch.tensor([1, 2, 3, 0, 0.5]).double(), reduction='sum') / len(y)",
  },
  sigmoidCrossEntropy: {
    options: { optimizer: PLAIN, learningRate: 0.5, loss: values.sigmoidCrossEntropy() },
    loss: "F.binary_cross_entropy_with_logits(y, targets)",
  },
  meanSquaredError: {
    options: { optimizer: PLAIN, learningRate: 0.2, loss: values.meanSquaredError() },
    loss: "F.mse_loss(y, targets)",
  },
  "a loss of one's own": {
    options: {
      optimizer: PLAIN,
      learningRate: 0.2,
      loss: elementwiseLoss("huber", {
        loss: "select(abs(y - t) - 0.5, 0.5 * (y - t) * (y - t), abs(y - t) < 1.0)",
        dy: "clamp(y - t, -1.0, 1.0)",
      }),
    },
    loss: "F.huber_loss(y, targets)",
  },
};

const PYTHON = `
import json, sys, torch, torch.nn.functional as F
from torch.optim import SGD, Adam, AdamW
data = json.load(sys.stdin)
x = torch.tensor(data["images"]).double().view(-1, 1, 8, 8)
labels, targets = torch.tensor(data["labels"]), torch.tensor(data["targets"]).double().view(len(x), -1)
for case in data["cases"]:
    p = {name: torch.tensor(v["data"]).double().view(v["shape"]) for name, v in data["start"].items()}
    p = {name: (v.permute(3, 2, 0, 1) if v.dim() == 4 else v).contiguous().requires_grad_(name in case["trained"]) for name, v in p.items()}
    groups = [{"params": [p[name]], "weight_decay": case["decay"][name]} for name in case["trained"]]
    optimizer = eval(case["optimizer"])
    for rate in case["rates"]:
        for group in optimizer.param_groups: group["lr"] = rate
        y = F.conv2d(x, p["conv1/w"], p["conv1/b"], stride=2, padding=1)
        y = F.conv2d(y, p["conv2/w"], p["conv2/b"]).mean((2, 3))
        optimizer.zero_grad()
        eval(case["loss"]).backward()
        if case["clip"]: torch.nn.utils.clip_grad_norm_([p[name] for name in case["trained"]], case["clip"])
        optimizer.step()
    print(json.dumps({name: (v.permute(2, 3, 1, 0) if v.dim() == 4 else v).flatten().tolist() for name, v in p.items()}))
`;

/** SGD at a rate that changes: ours multiplies the velocity's share by the rate of its own step, as Caffe does. */
const asCaffe = PYTHON.replace(
  "from torch.optim",
  `class SGD(torch.optim.Optimizer):
    def __init__(self, groups, lr, momentum=0, nesterov=False):
        super().__init__(groups, dict(lr=lr, weight_decay=0)); self.m, self.n = momentum, nesterov
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                change = group["lr"] * (w.grad + group["weight_decay"] * w)
                v = self.state[w]["v"] = self.m * self.state[w].get("v", 0) - change
                w += self.m * v - change if self.n else v
from torch.optim`,
).replace("import SGD, Adam, AdamW", "import Adam, AdamW");

const hasTorch = spawnSync("/usr/bin/python3", ["-c", "import torch"]).status === 0;

test(`${STEPS} steps of each optimizer, schedule and loss, frozen, clipped and in parts, are PyTorch's in float64`, async () => {
  if (!hasTorch) return console.log("skipped: no PyTorch (Debian: python3-torch)");
  const context = await gpu(), definition = { network: SMOOTH(), input: [8, 8, 1] as const }, names: string[] = [];
  const ours: Record<string, ArrayLike<number>>[] = [], cases: unknown[] = [];
  let start: Awaited<ReturnType<typeof getParams>> = {};
  for (
    const [name, { options, optimizer = "SGD(groups, lr=1)", loss = "F.cross_entropy(y, labels)", clip = 0 }] of Object
      .entries(CASES)
  ) {
    const model = await openModel(context, definition, { seed: 3 });
    start = await getParams(model);
    const trained = Object.keys(start).filter(options.trainable ?? (() => true)), rates: number[] = [];
    const { decayBiases = true, weightDecay } = Object.values(optimizers.schema.parse(options.optimizer))[0]!;
    const decay = Object.fromEntries(
      trained.map((each) => [each, decayBiases || each.endsWith("/w") ? weightDecay : 0]),
    );
    {
      await using trainer = await openTrainer(model, { ...options, batch: BATCH, steps: STEPS });
      const labels = loss.includes("targets") ? TARGETS : LABELS;
      for (let step = 0; step < STEPS; step++) {
        await trainer.step({ images: IMAGES, labels });
        rates.push(trainer.learningRate);
      }
    }
    ours.push(Object.fromEntries(Object.entries(await getParams(model)).map(([each, { data }]) => [each, data])));
    names.push(name);
    cases.push({ optimizer, loss, clip, trained, decay, rates });
    closeModel(model);
  }
  const given = Object.fromEntries(
    Object.entries(start).map(([name, { shape, data }]) => [name, { shape, data: [...data] }]),
  );
  const input = JSON.stringify({
    images: [...IMAGES],
    labels: [...LABELS],
    targets: [...TARGETS],
    start: given,
    cases,
  });
  const { stdout, stderr, status } = spawnSync("/usr/bin/python3", ["-c", asCaffe], { encoding: "utf8", input });
  assert.is(status, 0, stderr);
  stdout.trim().split("\n").forEach((line, i) => {
    for (const [name, expected] of Object.entries(JSON.parse(line) as Record<string, number[]>)) {
      const error = relativeError(ours[i]![name]!, expected);
      assert.ok(error < 1e-5, `${names[i]}: ${name}: ${error}`);
    }
  });
});

test("schedules are PyTorch's", () => {
  if (!hasTorch) return console.log("skipped: no PyTorch (Debian: python3-torch)");
  const code = `
import json, torch
from torch.optim.lr_scheduler import OneCycleLR, CosineAnnealingLR, MultiStepLR, ExponentialLR
def rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2); schedule = make(optimizer); found = []
    for step in range(${STEPS}):
        found.append(optimizer.param_groups[0]["lr"]); optimizer.step(); schedule.step() if step < ${STEPS} - 1 else None
    return found
print(json.dumps([rates(lambda o: OneCycleLR(o, 0.2, total_steps=${STEPS}, cycle_momentum=False)),
  rates(lambda o: CosineAnnealingLR(o, ${STEPS})), rates(lambda o: MultiStepLR(o, [10, 30], 0.1)),
  rates(lambda o: ExponentialLR(o, 0.9048374180359595))]))`;
  const { stdout, stderr, status } = spawnSync("/usr/bin/python3", ["-c", code], { encoding: "utf8" });
  assert.is(status, 0, stderr);
  const options = [
    oneCycle({ base: 0.2 }),
    cosine({ base: 0.2 }),
    steps({ base: 0.2, factor: 0.1, iterations: [10, 30] }),
    exponential({ base: 0.2, decay: 0.1 }),
  ];
  (JSON.parse(stdout) as number[][]).forEach((expected, i) => {
    const rate = scheduleOf(learningRateSchema.parse(options[i])),
      own = expected.map((_, step) => rate(step, { steps: STEPS, epoch: i === 3 ? step : 0 })); // one step an epoch
    assert.ok(relativeError(own, expected) < 1e-12, `${i}: ${own} ${expected}`);
  });
});

test.run();
