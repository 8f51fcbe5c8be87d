/** Which test files take longest: started first, so that no process is left with a long one while the other is idle. */

/** Ends of their paths, the slowest first. `npm test -- --times` measures them. */
const SLOWEST = [
  "explore_test.ts",
  "site_test.ts",
  "bad_input_test.ts",
  "lockstep_test.ts",
  "kernels/conv_test.ts",
  "read_onnx_test.ts",
  "fit_test.ts",
  "cli/resume_test.ts",
  "package/install_test.ts",
  "matrix_units_test.ts",
  "cli/visualize_test.ts",
  "sweep/sweep_test.ts",
  "half_conv_test.ts",
  "cli/tune_test.ts",
  "mixed_test.ts",
  "explain_test.ts",
  "browser_test.ts",
  "cli/show_test.ts",
  "residual_test.ts",
  "pictures_test.ts",
  "fuzz_test.ts",
  "docs_test.ts",
  "step_test.ts",
  "onnx_test.ts",
  "cli/predict_test.ts",
];

/** Files in the order in which to start them. */
export function slowestFirst(files: readonly string[]): string[] {
  const rank = (file: string) => {
    const found = SLOWEST.findIndex((end) => file.endsWith(end));
    return found === -1 ? SLOWEST.length : found;
  };
  return [...files].sort((a, b) => rank(a) - rank(b));
}
