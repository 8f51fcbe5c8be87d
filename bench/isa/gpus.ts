/**
 * GPUs that Mesa's RADV compiles for without one, and what bounds their speed: one for each of AMD's generations from
 * GCN 5 on. Rates of a generation are those of AMD's instruction set manuals and whitepapers; units, clocks (boost) and
 * bandwidths those of the fastest card with the chip. None of this was measured here.
 */
export interface Generation {
  readonly name: string;
  /** SIMDs of a compute unit, and lanes of one that multiply and add in a cycle. */
  readonly simds: number;
  readonly lanes: number;
  /** Bytes that a compute unit reads from workgroup memory, and from its first cache, in a cycle. */
  readonly workgroupBytes: number;
  readonly cacheBytes: number;
  /** Cycles that a SIMD takes for a product of 16x16x16 matrices of f16; null without matrix units. */
  readonly matrixCycles: number | null;
}

const GCN5: Generation = {
  name: "GCN 5",
  simds: 4,
  lanes: 16,
  workgroupBytes: 128,
  cacheBytes: 64,
  matrixCycles: null,
};
const RDNA1: Generation = { ...GCN5, name: "RDNA 1", simds: 2, lanes: 32, cacheBytes: 128 };
const RDNA2: Generation = { ...RDNA1, name: "RDNA 2" };
const RDNA3: Generation = { ...RDNA1, name: "RDNA 3", matrixCycles: 32 };
const RDNA4: Generation = { ...RDNA1, name: "RDNA 4", matrixCycles: 16 };

export interface Gpu {
  /** What RADV_FORCE_FAMILY calls it. */
  readonly family: string;
  readonly card: string;
  readonly generation: Generation;
  readonly units: number;
  readonly gigahertz: number;
  /** Of its memory, GB/s. */
  readonly bandwidth: number;
}

export const GPUS: readonly Gpu[] = [
  { family: "vega10", card: "RX Vega 64", generation: GCN5, units: 64, gigahertz: 1.546, bandwidth: 484 },
  { family: "vega20", card: "Radeon VII", generation: GCN5, units: 60, gigahertz: 1.75, bandwidth: 1024 },
  { family: "navi10", card: "RX 5700 XT", generation: RDNA1, units: 40, gigahertz: 1.905, bandwidth: 448 },
  { family: "navi21", card: "RX 6900 XT", generation: RDNA2, units: 80, gigahertz: 2.25, bandwidth: 512 },
  { family: "navi22", card: "RX 6700 XT", generation: RDNA2, units: 40, gigahertz: 2.581, bandwidth: 384 },
  { family: "navi31", card: "RX 7900 XTX", generation: RDNA3, units: 96, gigahertz: 2.5, bandwidth: 960 },
  { family: "navi33", card: "RX 7600", generation: RDNA3, units: 32, gigahertz: 2.655, bandwidth: 288 },
  { family: "gfx1200", card: "RX 9060 XT", generation: RDNA4, units: 32, gigahertz: 3.13, bandwidth: 320 },
  { family: "gfx1201", card: "RX 9070 XT", generation: RDNA4, units: 64, gigahertz: 2.97, bandwidth: 640 },
];
