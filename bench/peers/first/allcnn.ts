/** The first prediction, here: a checkpoint, which knows its network. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { loadModel, openDevice, predictLogits } from "../../../mod.ts";
import { answer, readWeights } from "./weights.ts";

const imported = performance.now(), { image } = readWeights();
const device = await openDevice();
const model = await loadModel(device, new Uint8Array(readFileSync(`${process.argv[2]}/model.safetensors`)));
const logits = await predictLogits(model, image);
answer({ imported, predicted: performance.now(), logits: [...logits] });
