/** Writes ONNX's messages. By protobufjs, which is maintained and takes the messages as data. */
import { Root } from "protobufjs/light.js";
import { fieldOf, MESSAGES, type Model } from "./onnx_messages.ts";

function described(text: string) {
  const { type, id, repeated } = fieldOf(text);
  return { type, id, ...(repeated ? { rule: "repeated" } : {}) };
}

/** The bytes of an ONNX file. */
export function encodeModel(model: Model): Uint8Array {
  const nested = Object.entries(MESSAGES).map(([name, fields]) => [
    name,
    { fields: Object.fromEntries(Object.entries(fields).map(([field, text]) => [field, described(text)])) },
  ]);
  return Root.fromJSON({ nested: Object.fromEntries(nested) }).lookupType("Model").encode(model).finish();
}
