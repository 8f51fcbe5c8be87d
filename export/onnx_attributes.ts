/** The attributes of a node by their names; numbers of another type than is asked for count as missing. */
import type { Attribute, Node } from "./onnx_messages.ts";

/** What a node says beside its inputs. */
export interface NodeAttributes {
  has(name: string): boolean;
  int(name: string, otherwise: number): number;
  /** As short as float32 tells it from its neighbours. */
  float(name: string, otherwise: number): number;
  ints(name: string, otherwise: readonly number[]): readonly number[];
  text(name: string): string;
  /** Its numbers, for messages. */
  shown(name: string): string;
  find(name: string): Attribute | undefined;
}

/** As `NodeAttributes`, of a node of a file. */
export function attributesOf({ attribute }: Pick<Node, "attribute">): NodeAttributes {
  const byName = new Map(attribute.map((each) => [each.name, each]));
  const find = (name: string) => byName.get(name);
  const number = (value: number | undefined, otherwise: number) => Number.isFinite(value) ? value! : otherwise;
  return {
    find,
    has: (name) => byName.has(name),
    int: (name, otherwise) => find(name) === undefined ? otherwise : number(find(name)!.i, 0),
    float: (name, otherwise) => find(name) === undefined ? otherwise : Number(number(find(name)!.f, 0).toPrecision(7)),
    ints: (name, otherwise) => {
      const list = find(name)?.ints ?? [];
      return list.length === 0 ? otherwise : list;
    },
    text: (name) => find(name)?.s ?? "",
    shown: (name) => {
      const { ints = [], i = 0 } = find(name) ?? {};
      return ints.length > 0 ? `[${ints.join(", ")}]` : `${i}`;
    },
  };
}
