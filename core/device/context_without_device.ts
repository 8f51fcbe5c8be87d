/** Limits alone: programs can be laid out and read where no device is there to run them. */
import type { Limits } from "../../kernels/kernel.ts";
import type { Context } from "./device.ts";

/** What Dawn offers on a present GPU of a desktop or a server; `--device` of `allcnn show` takes the real ones. */
export const TYPICAL_GPU: Limits = {
  workgroupInvocations: 1024,
  workgroupStorage: 48 * 1024,
  bindingBytes: 2 ** 31 - 256,
  subgroupSize: 32,
  software: false,
  exact: false,
  f16: true,
};

/** A context of these limits without a device: whoever asks for that has a bug. */
export function contextWithoutDevice(limits: Limits, description: string): Context {
  return {
    get device(): never {
      throw new Error("There is no device here: only its limits are known");
    },
    limits,
    timestamps: false,
    description,
    scope: "",
    check() {},
    close() {},
    [Symbol.dispose]() {},
  };
}
