/** A small config with known lines and columns, and what its edits fail with. */
import * as assert from "uvu/assert";
import { parseConfig } from "../../configs/load.ts";
import { UserError } from "../../core/host/errors.ts";

export const TEXT = `name: tiny
dataset: { name: cifar10, preprocess: [{ gcn: { scale: 55 } }] }
network:
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv1, channels: 8, kernel: 3, padding: same, activation: relu } }
  - { conv: { name: conv2, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 2
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05, factor: 0.1, epochs: [1, 2] }
  init: { heNormal: {} }
`;

/** The message with which reading `text` with `settings` fails; it must be a UserError of one line. */
export function failure(text: string, settings: readonly string[] = []): string {
  try {
    parseConfig(text, "tiny.yaml", settings);
  } catch (error) {
    assert.instance(error, UserError, String(error));
    assert.not.match((error as UserError).message, "\n");
    return (error as UserError).message;
  }
  throw new Error(`accepted ${settings.join(" ")}`);
}

/** Each part must be in the message. */
export function includes(message: string, parts: readonly string[]): void {
  for (const part of parts) assert.ok(message.includes(part), `${JSON.stringify(part)} is not in: ${message}`);
}
