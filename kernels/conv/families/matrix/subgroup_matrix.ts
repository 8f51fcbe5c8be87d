/**
 * Products of small matrices that a subgroup holds together (tensor cores), as WGSL text in the dialects that Dawn
 * understood over time, and in one that any device with subgroups runs. Operands are f16, sums are f32.
 *
 * Generators build on the types `Left`, `Right` and `Sum` and on the functions below alone, so that a kernel's text is
 * the same in every dialect but for what this file and emulated_matrix.ts write.
 *
 * Syntax: Dawn's docs/dawn/features/subgroup_matrix.md (types <component, columns, rows>; the boolean form of load and
 * store), its end-to-end tests SubgroupMatrixTests.cpp and its change 333416 (the form with the order as a template
 * argument, where offset and stride count the array's elements). tests/kernels/matrix_test.ts lets Dawn validate both.
 */
import { enableSubgroups } from "../../../subgroups.ts";
import { emulatedDeclarations } from "./emulated_matrix.ts";
import { isEmulated, isWide, type MatrixArray, type MatrixArrays, type MatrixConfig } from "../../../matrix_config.ts";

/** What a module begins with. */
export function matrixDirectives(config: MatrixConfig): string {
  const { dialect } = config;
  return `enable f16;
${enableSubgroups(config)}${
    isEmulated(dialect) ? "diagnostic(off, subgroup_uniformity);\n" : `enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
`
  }`;
}

/** The arrays, and the types `Left`, `Right` and `Sum`. */
export function matrixDeclarations(config: MatrixConfig, arrays: MatrixArrays): string {
  const { m, n, k, dialect } = config, wide = isWide(dialect);
  const array = ({ name, vectors }: MatrixArray, element: string) =>
    `var<workgroup> ${name}: array<${wide ? `vec4<${element}>, ${vectors}` : `${element}, ${4 * vectors}`}>;\n`;
  return `${array(arrays.left, "f16")}${array(arrays.right, "f16")}${array(arrays.sums, "f32")}${
    isEmulated(dialect)
      ? emulatedDeclarations(config, arrays, wide)
      : `alias Left = subgroup_matrix_left<f16, ${k}, ${m}>;
alias Right = subgroup_matrix_right<f16, ${n}, ${k}>;
alias Sum = subgroup_matrix_result<f32, ${n}, ${m}>;
`
  }`;
}

/** The parameters of `main` by which the functions below know the thread. */
export const MATRIX_PARAMETERS = "@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) sublane: u32";

/** Expression: the matrix whose first element is vector `at` of the array. */
export function loadMatrix({ dialect }: MatrixConfig, kind: "Left" | "Right", from: MatrixArray, at: string): string {
  const { name, stride, order } = from;
  if (isEmulated(dialect)) return `load_${kind.toLowerCase()}(${at}, sublane)`;
  if (dialect === "vectors") return `subgroupMatrixLoad<${kind}, ${order}>(&${name}, ${at}, ${stride}u)`;
  if (dialect === "scalars") return `subgroupMatrixLoad<${kind}, ${order}>(&${name}, 4u * (${at}), ${4 * stride}u)`;
  return `subgroupMatrixLoad<${kind}>(&${name}, 4u * (${at}), ${order === "col_major"}, ${4 * stride}u)`;
}

/** Expression: left * right + sum. */
export function multiplyMatrices({ dialect }: MatrixConfig, left: string, right: string, sum: string): string {
  return isEmulated(dialect)
    ? `multiply(${left}, ${right}, ${sum}, sublane)`
    : `subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sum})`;
}

/** Statement: stores a sum from vector `at` of the array on. */
export function storeSum({ dialect }: MatrixConfig, to: MatrixArray, at: string, sum: string): string {
  const { name, stride, order } = to;
  if (isEmulated(dialect)) return `store_sum(${at}, ${sum}, sublane);`;
  if (dialect === "vectors") return `subgroupMatrixStore<${order}>(&${name}, ${at}, ${sum}, ${stride}u);`;
  if (dialect === "scalars") return `subgroupMatrixStore<${order}>(&${name}, 4u * (${at}), ${sum}, ${4 * stride}u);`;
  return `subgroupMatrixStore(&${name}, 4u * (${at}), ${sum}, ${order === "col_major"}, ${4 * stride}u);`;
}

/** Statement: puts the variable `value`, four f16, into vector `at` of an array of operands. */
export function stageVector({ dialect }: MatrixConfig, { name }: MatrixArray, at: string, value: string): string {
  if (isWide(dialect)) return `${name}[${at}] = ${value};`;
  return [0, 1, 2, 3].map((c) => `${name}[4u * (${at}) + ${c}u] = ${value}.${"xyzw"[c]};`).join(" ");
}

/** Expression: vector `at` of an array, as vec4f. */
export function stagedVector({ dialect }: MatrixConfig, { name }: MatrixArray, at: string): string {
  if (isWide(dialect)) return `vec4f(${name}[${at}])`;
  return `vec4f(${[0, 1, 2, 3].map((c) => `f32(${name}[4u * (${at}) + ${c}u])`).join(", ")})`;
}
