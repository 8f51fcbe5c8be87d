/** Units to show beside one another: the most active ones, as long as they do not see the same things. */
import { axesOf } from "../kernels/per_axis.ts";
import type { ReceptiveField } from "./receptive_field.ts";
import type { TopActivation } from "./top_activations.ts";

type List = readonly TopActivation[];

/** Do two patches lie in one image, and overlap by more than half along both axes? */
function overlap(a: TopActivation, b: TopActivation, { height, width, stride }: ReceptiveField): boolean {
  const [down, across] = axesOf(stride), [y, x] = [0, 1].map((axis) => Math.abs(a.position[axis]! - b.position[axis]!));
  return a.example === b.example && y! * down < height / 2 && x! * across < width / 2;
}

/**
 * `count` units of a layer, given each one's top activations: the most active first, then each time the next most active
 * one of which no unit before it has half of the patches; where these do not suffice, the most active of the others.
 */
export function differentUnits(lists: readonly List[], field: ReceptiveField, count: number): number[] {
  const largest = lists.map(([first]) => first?.activation ?? -Infinity);
  const order = Array.from(lists.keys()).sort((a, b) => largest[b]! - largest[a]! || a - b), chosen: number[] = [];
  const alike = (a: List, b: List) => a.filter((patch) => b.some((other) => overlap(patch, other, field))).length;
  for (const unit of order) {
    if (chosen.length === count) break;
    if (chosen.every((other) => 2 * alike(lists[unit]!, lists[other]!) < lists[unit]!.length)) chosen.push(unit);
  }
  const rest = order.filter((unit) => !chosen.includes(unit)).slice(0, count - chosen.length);
  return order.filter((unit) => chosen.includes(unit) || rest.includes(unit));
}
