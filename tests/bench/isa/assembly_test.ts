import { test } from "uvu";
import * as assert from "uvu/assert";
import { innerLoop, readAssembly, wholeLoop } from "../../../bench/isa/assembly.ts";
import { loopBounds, subgroupProducts } from "../../../bench/isa/bounds.ts";
import { GPUS } from "../../../bench/isa/gpus.ts";

const NAVI31 = GPUS.find(({ family }) => family === "navi31")!.generation;

/** A step that stages 32 bytes and multiplies in a loop of four rounds, as RADV writes it. */
const CODE = `BB0:
	s_mov_b32 s5, 0                                             ; be850080
BB1:
	s_barrier                                                   ; bfbd0000
	ds_store_b128 v2, v[12:15]                                  ; db7c0000 00000c02
	s_mov_b32 s6, 0                                             ; be860080
BB2:
	ds_load_b128 v[16:19], v160 offset:10624                    ; dbfc2980 b00000a0
	s_waitcnt lgkmcnt(0)                                        ; bf89fc07
	v_fmac_f32_e32 v31, v164, v16                               ; 563e21a4
	v_fmac_f32_e32 v32, v164, v17                               ; 563e21a4
	v_pk_fma_f16 v33, v164, v18, v33                            ; 563e21a4
	v_dual_fmac_f32 v4, v1, v2 :: v_dual_fmac_f32 v5, v3, v2    ; c8000000
	s_add_i32 s6, s6, 1                                         ; 81068106
	s_cmp_ge_u32 s6, 4                                          ; bf098406
	s_cbranch_scc0 BB2                                          ; bfa1fe40
BB3:
	buffer_load_b128 v[12:15], v149, s[8:11], 0 offen           ; e05c0000 80420c95
	s_add_i32 s5, s5, 1                                         ; 81058105
	s_cmp_ge_u32 s5, 6                                          ; bf098605
	s_cbranch_scc0 BB1                                          ; bfa1fe40
	s_endpgm                                                    ; bfb00000
`;

test("loops, their rounds and what is multiplied are read from machine code", () => {
  const read = readAssembly(CODE), inner = innerLoop(read)!;
  assert.is(read.instructions.length, 18);
  assert.equal(read.loops.map(({ rounds }) => rounds).sort(), [4, 6]);
  assert.is(read.instructions[inner.first]!.name, "ds_load_b128");
  assert.is(inner.rounds, 4);
  assert.is(wholeLoop(read, inner).rounds, 6);
  assert.is(subgroupProducts(read, 64), 6 * 4 * 6 * 64); // 1 + 1 + 2 + 2 multiply-adds of 64 lanes in each round
});

/** The same loop as the compiler lists it, for RDNA 4. */
const LISTING = `After lowering to hw instructions:
BB2
/* logical preds: BB1, / linear preds: BB1, / kind: uniform, loop-header, */
	 v4: %28:v[16-19] = ds_read_b128 %7:v[160] offset:10624
	 v1: %29:v[31] = v_fmac_f32 %1:v[164], %28:v[16], %29:v[31]
	 v1: %30:v[32] = v_fmac_f32 %1:v[164], %28:v[17], %30:v[32]
	 v1: %31:v[33] = v_fmac_f32 %1:v[164], %28:v[18], %31:v[33]
	 v1: %32:v[34] = v_fmac_f32 %1:v[164], %28:v[19], %32:v[34]
	 s1: %52:s[8],  s1: %92:scc = s_add_u32 %45:s[8], 1
	 s1: %93:scc = s_cmp_ge_u32 %52:s[8], 0x100
	s_cbranch_scc0 block:BB2
BB3
	s_endpgm
`;

test("the compiler's listing reads as assembly", () => {
  const read = readAssembly(LISTING), inner = innerLoop(read)!;
  assert.equal(read.instructions.map(({ name }) => name).slice(0, 2), ["ds_read_b128", "v_fmac_f32"]);
  assert.is(inner.rounds, 256);
  assert.is(read.instructions[0]!.bytes, 16);
  assert.is(subgroupProducts(read, 32), 256 * 4 * 32);
});

test("bounds count cycles of a SIMD for a multiply-add of its lanes", () => {
  const { productShare, instructions, perProduct } = loopBounds(readAssembly(CODE), 64, NAVI31)!;
  assert.is(instructions, 9);
  assert.is(productShare, 4 / 9);
  // A step: 4 rounds of 4 vector instructions, of 2 cycles each; 6 multiply-adds of two halves of a subgroup.
  assert.is(perProduct.arithmetic, 4 * 4 * 2 / (4 * 6 * 2));
  // 16 bytes stored once and loaded in each round, by 64 lanes of either SIMD, 128 bytes a cycle.
  assert.ok(Math.abs(perProduct.workgroup - (16 + 4 * 16) * 64 * 2 / 128 / (4 * 6 * 2)) < 1e-9);
  assert.ok(Math.abs(perProduct.global - 16 * 64 * 2 / 128 / (4 * 6 * 2)) < 1e-9);
});

test("a loop to a length that the code does not tell has no rounds, and none is invented around it", () => {
  const read = readAssembly(CODE.replace("s_cmp_ge_u32 s6, 4  ", "s_cmp_ge_u32 s6, s12"));
  assert.is(innerLoop(read)!.rounds, null);
  assert.is(wholeLoop(read, innerLoop(read)!), innerLoop(read));
});

test("code without a loop of products has no bounds", () => {
  assert.is(loopBounds(readAssembly("BB0:\n\ts_endpgm   ; bfb00000\n"), 64, NAVI31), null);
});

test.run();
