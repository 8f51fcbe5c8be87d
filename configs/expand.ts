/** YAML's anchors, aliases and merge keys written out: afterwards every value of a document stands where it counts. */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";

/** Most nodes that a document may have, aliases written out: a few lines can stand for billions. */
const MAX_NODES = 100_000;

/** Why a document cannot be expanded, and where that stands in its text. */
export class ExpandError extends Error {
  constructor(readonly offset: number, message: string) {
    super(message);
  }
}

const isMergeKey = ({ key }: Pair) => isScalar(key) && key.value === "<<" && key.type === "PLAIN";
const offsetOf = (node: Node) => node.range?.[0] ?? 0;

/**
 * Replaces each alias by a copy of what it names, and each merge key (`<<: *base`, YAML 1.1) by the entries that the map
 * has not itself. Copies keep their place in the text, so errors name it. Throws `ExpandError`.
 */
export function expandAliases(document: Document): void {
  let nodes = 0;
  const anchors = new Map<string, Node>(); // the last of each name so far: `resolve` would search the document each time
  const expanded = (node: unknown, within: readonly unknown[]): unknown => {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined) throw new ExpandError(offsetOf(node), `there is no anchor &${node.source} before it`);
      if (within.includes(target)) throw new ExpandError(offsetOf(node), `&${node.source} contains itself`);
      return expanded(target.clone(), [...within, target]);
    }
    if (++nodes > MAX_NODES) throw new ExpandError(0, `it has more than ${MAX_NODES} values, its aliases written out`);
    if (isNode(node) && within.length === 0) keepAnchor(node);
    if (isSeq(node)) node.items = node.items.map((item) => expanded(item, within));
    if (isMap(node)) {
      expandMap(node, (value, key) => {
        if (isNode(key) && within.length === 0) keepAnchor(key);
        return expanded(value, within);
      });
    }
    return node;
  };
  const keepAnchor = (node: Node) => {
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) anchors.set(anchor, node);
  };
  document.contents = expanded(document.contents, []) as typeof document.contents;
}

function expandMap(map: YAMLMap, expanded: (node: unknown, key: unknown) => unknown): void {
  for (const pair of map.items) pair.value = expanded(pair.value, pair.key);
  const merges = map.items.filter(isMergeKey);
  if (merges.length === 0) return;
  map.items = map.items.filter((pair) => !isMergeKey(pair));
  for (const { key, value } of merges) {
    for (const source of isSeq(value) ? value.items : [value]) {
      if (!isMap(source)) throw new ExpandError(offsetOf(key as Node), "<< merges a map, or a list of maps");
      for (const pair of source.items) if (!map.has(pair.key)) map.items.push(pair);
    }
  }
}
