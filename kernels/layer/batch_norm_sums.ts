/**
 * The sums over rows of a batch normalization (batch_norm.ts): made in shares, a workgroup of 16 channels by 16 rows each,
 * which a thread per channel then adds up in order. A share's squares are those of the distances from its first row, so
 * that a mean far from 0 costs no digits.
 */
import { enableDtype, loaded, storedType } from "../dtype.ts";
import { ceilDiv, elementwise, f32, LOCAL, perWorkgroup } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, scratch, type Shader, write } from "../kernel.ts";
import { batchNormCost, type BatchNormProblem } from "./batch_norm_problem.ts";

const LANES = 16, DEPTH = 16;

/** Rows of a share, and how many shares there are. */
function sharesOf(rows: number): { readonly share: number; readonly parts: number } {
  const share = ceilDiv(rows, Math.min(256, ceilDiv(rows, 512)));
  return { share, parts: ceilDiv(rows, share) };
}

/** [parts, channels] sums of a pair of `terms` at `at`, an element of channel `c`; `start` comes before a share's rows. */
function sumShares({ rows, channels }: BatchNormProblem, declarations: string, start: string, terms: string): Shader {
  const { share, parts } = sharesOf(rows), groups = ceilDiv(channels, LANES), count = groups * parts;
  const body = `  let c = (index % ${groups}u) * ${LANES}u + local.x;
  let part = index / ${groups}u;
  let place = local.y * ${LANES}u + local.x;
  var sum = vec2f();
  if (c < ${channels}u) {
    ${start}
    for (var row = part * ${share}u + local.y; row < min((part + 1u) * ${share}u, ${rows}u); row += ${DEPTH}u) {
      let at = row * ${channels}u + c;
      ${terms}
    }
  }
  tile[place] = sum;
  for (var below = ${DEPTH / 2}u; below > 0u; below >>= 1u) {
    workgroupBarrier();
    if (local.y < below) { tile[place] += tile[place + below * ${LANES}u]; }
  }
  if (local.y == 0u && c < ${channels}u) { shares[part * ${channels}u + c] = tile[place]; }`;
  const all = `${declarations}\nvar<workgroup> tile: array<vec2f, ${LANES * DEPTH}>;`;
  return perWorkgroup({ count, size: `${LANES}, ${DEPTH}`, declarations: all, builtins: LOCAL }, body);
}

const readOf = ({ dtype }: BatchNormProblem) => (index: string) => loaded(index, "f32", dtype);
const shareBytes = ({ rows, channels }: BatchNormProblem) => 8 * sharesOf(rows).parts * channels;

/** Of a batch. Reads x; writes the statistics, and moves the running mean and variance by `momentum` of the way to its. */
export const batchNormStatistics: Kernel<
  BatchNormProblem & { readonly epsilon: number; readonly momentum: number },
  Fixed
> = {
  name: "batch_norm_statistics",
  tunings: () => FIXED,
  stages(p) {
    const { rows, channels, epsilon, momentum, dtype } = p, { share, parts } = sharesOf(rows), x = readOf(p);
    const array = `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> x: array<${
      storedType("f32", dtype)
    }>;`;
    const shares = sumShares(
      p,
      `${array}\n@group(0) @binding(1) var<storage, read_write> shares: array<vec2f>;`,
      `let first = ${x(`x[part * ${share * channels}u + c]`)};`,
      `let d = ${x("x[at]")} - first; sum += vec2f(d, d * d);`,
    );
    const joined = elementwise(
      channels,
      `${array}
@group(0) @binding(1) var<storage, read> shares: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_variance: array<f32>;`,
      `  var mean = 0.0;
  var squares = 0.0;
  var count = 0.0;
  for (var part = 0u; part < ${parts}u; part++) {
    let n = f32(min(${share}u, ${rows}u - part * ${share}u));
    let sum = shares[part * ${channels}u + i];
    let distance = ${x(`x[part * ${share * channels}u + i]`)} + sum.x / n - mean;
    squares += max(sum.y - sum.x * sum.x / n, 0.0) + distance * distance * count * n / (count + n);
    count += n;
    mean += distance * n / count;
  }
  statistics[i] = mean;
  statistics[${channels}u + i] = 1.0 / sqrt(squares * ${f32(1 / rows)} + ${f32(epsilon)});
  running_mean[i] += ${f32(momentum)} * (mean - running_mean[i]);
  running_variance[i] += ${f32(momentum)} * (squares * ${f32(1 / Math.max(1, rows - 1))} - running_variance[i]);`,
    );
    return {
      scratch: [shareBytes(p)],
      dispatches: [
        { shader: shares, bindings: [read(0), scratch(0)] },
        { shader: joined, bindings: [read(0), scratch(0), write(0), write(1), write(2)] },
      ],
    };
  },
  cost: batchNormCost(4, 1),
};

/** Of what training kept. Reads running mean and variance, writes the statistics. */
export const batchNormRunning: Kernel<{ readonly channels: number; readonly epsilon: number }, Fixed> = {
  name: "batch_norm_running",
  tunings: () => FIXED,
  stages({ channels, epsilon }) {
    const shader = elementwise(
      channels,
      `@group(0) @binding(0) var<storage, read> running_mean: array<f32>;
@group(0) @binding(1) var<storage, read> running_variance: array<f32>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;`,
      `  statistics[i] = running_mean[i];
  statistics[${channels}u + i] = 1.0 / sqrt(running_variance[i] + ${f32(epsilon)});`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ channels }) => ({ flops: 3 * channels, bytes: 16 * channels }),
};

/** Reads x, dy, the statistics; writes dgamma and dbeta. */
export const batchNormSums: Kernel<BatchNormProblem, Fixed> = {
  name: "batch_norm_sums",
  tunings: () => FIXED,
  stages(p) {
    const { rows, channels, dtype } = p, type = storedType("f32", dtype), value = readOf(p);
    const shares = sumShares(
      p,
      `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> x: array<${type}>;
@group(0) @binding(1) var<storage, read> dy: array<${type}>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> shares: array<vec2f>;`,
      `let mean = statistics[c]; let factor = statistics[${channels}u + c];`,
      `let d = ${value("dy[at]")}; sum += vec2f(d * (${value("x[at]")} - mean) * factor, d);`,
    );
    const added = elementwise(
      channels,
      `@group(0) @binding(0) var<storage, read> shares: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbeta: array<f32>;`,
      `  var sum = vec2f();
  for (var part = 0u; part < ${sharesOf(rows).parts}u; part++) { sum += shares[part * ${channels}u + i]; }
  dgamma[i] = sum.x;
  dbeta[i] = sum.y;`,
    );
    return {
      scratch: [shareBytes(p)],
      dispatches: [
        { shader: shares, bindings: [read(0), read(1), read(2), scratch(0)] },
        { shader: added, bindings: [scratch(0), write(0), write(1)] },
      ],
    };
  },
  cost: batchNormCost(5, 2),
};
