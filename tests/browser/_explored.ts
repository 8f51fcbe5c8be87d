/** The page of `allcnn serve` in a tab, as tests use it. */
import * as assert from "uvu/assert";
import type { Tab } from "./_tab.ts";

/** Of the largest value. */
const TOLERANCE = 1e-3;

/** What the link "values as JSON" holds. */
interface Values {
  readonly layer: string;
  readonly methods: readonly { readonly method: string; readonly unit: number; readonly reconstruction: number[] }[];
}

export const LOOKED =
  "document.querySelectorAll('#rules canvas').length === 3 && !document.querySelector('#looked.old')";
export const text = (tab: Tab, id: string) => tab.evaluate<string>(`document.getElementById("${id}").innerText`);
export const values = (tab: Tab) =>
  tab.evaluate<Values>(`fetch(document.getElementById("values").href).then((response) => response.json())`);

/** Drops a file on the page. */
export const drop = (tab: Tab, name: string, bytes: Uint8Array) =>
  tab.evaluate(`{
    const bytes = Uint8Array.from(atob("${Buffer.from(bytes).toString("base64")}"), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer(), init = { bubbles: true, cancelable: true, dataTransfer };
    dataTransfer.items.add(new File([bytes], "${name}"));
    const field = document.getElementById("drop");
    for (const type of ["dragenter", "dragover", "drop"]) field.dispatchEvent(new DragEvent(type, init));
  }`);

export const click = (tab: Tab, selector: string, name: string) =>
  tab.evaluate(
    `[...document.querySelectorAll("${selector}")].find((each) => each.innerText.startsWith("${name}")).click()`,
  );

export const choose = (tab: Tab, id: string, value: string) =>
  tab.evaluate(`{
    const select = document.getElementById("${id}");
    select.value = "${value}";
    select.dispatchEvent(new Event("change"));
  }`);

/** Throws where an explanation is another one; returns the largest difference. */
export function agree(
  { methods }: Values,
  expected: readonly { readonly unit: number; readonly reconstruction: Float32Array }[],
) {
  assert.equal(methods.map(({ method }) => method), ["gradient", "deconvnet", "guided"]);
  return Math.max(...methods.map(({ unit, reconstruction }, at) => {
    const { reconstruction: values, unit: wanted } = expected[at]!;
    assert.equal([unit, reconstruction.length], [wanted, values.length]);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(largest > 0);
    const error = reconstruction.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0) / largest;
    assert.ok(error < TOLERANCE, `${methods[at]!.method}: relative error ${error}`);
    return error;
  }));
}
