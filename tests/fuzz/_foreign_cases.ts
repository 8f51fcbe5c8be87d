/** More cases of the fuzzer: what other tools wrote, what sweeps and runs keep as JSON, and folders of pictures. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { resultLine } from "../../cli/sweep_table.ts";
import { parseConfig } from "../../configs/load.ts";
import { elements } from "../../core/graph/tensor.ts";
import { decodeTensors, encodeTensors } from "../../core/host/safetensors.ts";
import { MIDDLE } from "../../data/crop.ts";
import { decodeBatch } from "../../data/image_batch.ts";
import { listImageFolder } from "../../data/image_folder.ts";
import { onnxModel } from "../../export/onnx.ts";
import { onnxNetwork } from "../../export/onnx_config.ts";
import { decodeModel } from "../../export/onnx_decode.ts";
import type { Model } from "../../export/onnx_messages.ts";
import { OPERATORS } from "../../export/onnx_operators.ts";
import { encodeModel } from "../../export/onnx_proto.ts";
import { fromPytorch, toPytorch } from "../../export/pytorch.ts";
import { readOutcome } from "../../sweep/outcome.ts";
import { readRecord, type SweepRecord } from "../../sweep/record.ts";
import { resultsOf } from "../../sweep/results.ts";
import { buildNetwork } from "../../layers/network_config.ts";
import { select } from "../../training/checkpoint.ts";
import { definitionOf, specsOf } from "../../training/definition.ts";
import { readClasses } from "../../training/run_records.ts";
import type { Draw } from "./_draw.ts";
import { mutateBytes, mutateJson } from "./_mutate.ts";
import { type Originals, TINY } from "./_originals.ts";
import { oneLine, type Prepared, withHeader } from "./_prepared.ts";

/** A file that other tools made: their metadata, types of tensors and names, by layers or in a wrapper. */
export async function foreignCase(draw: Draw, { folder }: Originals): Promise<Prepared> {
  const config = parseConfig(TINY, "tiny.yaml"), { network, input } = definitionOf(config);
  const { saved: specs } = specsOf(config);
  const params = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, { shape, data: new Float32Array(elements(shape)) }]),
  );
  const wrapper = draw.pick(["", "module.", "model.", "_orig_mod."]);
  const tensors = Object.fromEntries(
    Object.entries(toPytorch(params, network, input)).map(([name, tensor]) => [wrapper + name, tensor]),
  );
  const ours = await encodeTensors({ metadata: {}, tensors }),
    counter = { dtype: "I64", shape: [0], data_offsets: [0, 0] };
  const whole = withHeader(ours, (header) => {
    return JSON.stringify({ num_batches_tracked: counter, ...header, __metadata__: { format: "pt" } });
  });
  const { how, bytes } = draw.chance(0.3) ? mutateBytes(draw, whole) : {
    how: "header",
    bytes: withHeader(whole, (header) => mutateJson(draw, header)),
  };
  const path = `${folder}/foreign.safetensors`;
  return {
    how: `${how}, prefix "${wrapper}"`,
    input: bytes,
    async read() {
      const { tensors } = await decodeTensors(new Uint8Array(bytes), path);
      const read = fromPytorch(tensors, { network, image: input, specs, source: path, line: oneLine });
      for (const [name, { shape }] of Object.entries(specs)) {
        if (read[name]?.data.length !== elements(shape)) throw new Error(`${name} has another size`);
      }
    },
  };
}

type Writable<T> = T extends Uint8Array | string | number ? T
  : T extends readonly (infer E)[] ? Writable<E>[]
  : { -readonly [K in keyof T]: Writable<T[K]> };

const ODD_NUMBERS = [0, 1, 2, 3, -1, -2, 7, 1025, 2 ** 31, 2 ** 40, -(2 ** 40)];

/** Something else in a graph: another operator, wiring, attribute, shape or tensor. */
function changeGraph(draw: Draw, { graph }: Writable<Model>): string {
  const { node, initializer, input } = graph,
    names = [...node.flatMap(({ output }) => output), ...initializer.map(({ name }) => name)];
  const { shape } = input[0]!.type.tensorType;
  const one = draw.pick(node), tensor = draw.pick(initializer), attribute = draw.pick(one.attribute);
  const number = draw.pick(ODD_NUMBERS),
    how = draw.pick(["operator", "input", "attribute", "dims", "type", "image", "drop"]);
  if (how === "operator") one.opType = draw.pick([...Object.keys(OPERATORS), "Concat", "Einsum"]);
  else if (how === "input") one.input[draw.whole(0, one.input.length + 1)] = draw.pick(names);
  else if (how === "attribute" && attribute !== undefined) {
    if (draw.chance(0.5)) attribute.ints = [number, ...(attribute.ints ?? []).slice(1)];
    else attribute.i = number;
  } else if (how === "dims") tensor.dims[draw.whole(0, tensor.dims.length + 1)] = number;
  else if (how === "type") tensor.dataType = draw.whole(0, 17);
  else if (how === "image") shape.dim[draw.whole(0, shape.dim.length + 1)] = { dimValue: number };
  else node.splice(draw.whole(0, node.length), 1);
  return how;
}

/** A model of ONNX: its bytes or its graph are damaged. */
export function onnxCase(draw: Draw): Prepared {
  const { dataset, ...config } = parseConfig(TINY, "tiny.yaml"), { network } = definitionOf({ dataset, ...config });
  const { saved: specs, classes } = specsOf({ dataset, ...config });
  const params = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, { shape, data: new Float32Array(elements(shape)) }]),
  );
  const names = Array.from({ length: classes }, String), image = [32, 32, 3] as const;
  const whole = onnxModel({ network, dataset, params, whitening: null, image, classes: names });
  const graph = decodeModel(whole, "whole") as Writable<Model>, changes: string[] = [];
  if (draw.chance(0.5)) graph.metadataProps = [];
  for (let left = draw.whole(1, 4); left > 0; left--) changes.push(changeGraph(draw, graph));
  const { how, bytes } = draw.chance(0.4)
    ? mutateBytes(draw, whole)
    : { how: changes.join(", "), bytes: encodeModel(graph as Model) };
  return {
    how,
    input: bytes,
    async read() {
      const { config, name, layers, image, params: read } = onnxNetwork(bytes, "fuzzed.onnx", { input: [32, 32, 3] });
      const { saved } = specsOf(config ?? { network: buildNetwork(name, layers), input: image });
      await Promise.resolve(select({ tensors: read }, saved, "fuzzed.onnx"));
    },
  };
}

const OUTCOME = { state: "done", reason: null, epoch: 3, seconds: 6, attempts: 1, retuned: false };
const ERRORS = { testError: 20, bestTestError: 20, heldOutError: null };

/** What a sweep and a run keep as JSON: sweep.json, cell.json, classes.json, and tunings that were exported. */
export async function jsonCase(draw: Draw, { folder }: Originals): Promise<Prepared> {
  const place = `${folder}/json`, [plan] = [{ id: "a/1-0", folder: "a", config: "a", seed: 0, data: "all", epochs: 3 }];
  const cell = { ...plan, values: { "training.learningRate.base": 1 }, ...OUTCOME, ...ERRORS };
  const results = [{
    ...{ config: "a", protocol: "paper", values: cell.values, complete: true, chosenBy: 20, cells: ["a/1-0"] },
    ...{ testError: 20, deviation: null },
  }];
  const sweep = { version: 1, id: "5f0c", protocol: "paper", cells: [cell], results };
  const kinds: Readonly<Record<string, readonly [unknown, () => Promise<unknown>]>> = {
    "sweep.json": [sweep, async () => {
      const record = await readRecord(place);
      if (record !== null) resultsOf(record).map(resultLine);
    }],
    "cell.json": [{ ...OUTCOME, ...ERRORS }, async () => {
      const outcome = await readOutcome(place);
      if (outcome !== null) resultsOf({ ...sweep, cells: [{ ...cell, ...outcome }] } as SweepRecord).map(resultLine);
    }],
    "classes.json": [["cat", "dog", "🦊"], () => readClasses(place)],
  };
  const name = draw.pick(Object.keys(kinds)), [value, read] = kinds[name]!;
  const { how, bytes } = draw.chance(0.6)
    ? { how: "values", bytes: new TextEncoder().encode(mutateJson(draw, value)) }
    : mutateBytes(draw, new TextEncoder().encode(JSON.stringify(value, null, 1)));
  return await Promise.resolve({
    how: `${name}, ${how}`,
    input: bytes,
    async read() {
      mkdirSync(place, { recursive: true });
      writeFileSync(`${place}/checkpoint.safetensors`, "");
      writeFileSync(`${place}/${name}`, bytes);
      await read();
    },
  });
}

/** Folders of pictures as people have them, of which some are no pictures. */
export function picturesCase(draw: Draw, { folder }: Originals): Prepared {
  const root = `${folder}/pictures`, made: [path: string, bytes: Uint8Array | null][] = [];
  const png = Uint8Array.from(
    atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
    (sign) => sign.charCodeAt(0),
  );
  for (let left = draw.whole(0, 8); left > 0; left--) {
    const where = draw.pick([
      "train/a",
      "train/b",
      "train/a/deep/er",
      "val/a",
      "val/c",
      "train",
      "val",
      "",
      "train/🦊",
    ]);
    const name = draw.pick([
      "1.png",
      "2.PNG",
      "3.jpg",
      ".DS_Store",
      "x.txt",
      "Thumbs.db",
      "4.tar.png",
      "5.webp",
      "link.png",
    ]);
    made.push([`${where}/${name}`, name === "link.png" ? null : draw.chance(0.5) ? png : mutateBytes(draw, png).bytes]);
  }
  const input = made.map(([path, bytes]) => `${path} ${bytes?.length ?? "link"}`).join("\n");
  return {
    how: `${made.length} files`,
    input,
    async read() {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(`${root}/train`, { recursive: true });
      for (const [path, bytes] of made) {
        mkdirSync(dirname(`${root}/${path}`), { recursive: true });
        rmSync(`${root}/${path}`, { force: true });
        if (bytes === null) symlinkSync(draw.pick(["nowhere.png", ".", "link.png"]), `${root}/${path}`);
        else writeFileSync(`${root}/${path}`, bytes);
      }
      const found = await listImageFolder(root, draw.pick(["train", "val"]));
      if (found.note !== null) oneLine(found.note);
      const examples = found.labels.map((_, index) => index), crop = { shortSide: 4, crop: 4, ...MIDDLE };
      await decodeBatch(found, examples, examples.length, 4, () => crop, (_, { message }) => oneLine(message));
    },
  };
}
