/**
 * Signals before a whitening: x with x P = s, by the method of conjugate gradients (Hestenes and Stiefel 1952), as P is
 * symmetric and positive definite. It needs nothing but products with P, many signals at once, and no second matrix; its
 * steps grow with the root of P's condition: 43 for random signals, CIFAR-10 and the paper's epsilon.
 */
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { rowsAtOnce, type Whitening } from "./whitening.ts";
import { withProduct } from "./whitening_apply.ts";

/** A signal is found when what is left of it has this share of its length: far less than a picture shows. */
const LEFT = 1e-5;
/** More steps are of a whitening that float32 cannot undo. */
const MOST_STEPS = 1000;

/**
 * s <- s P^-1 for signals that lie one after the other, in place; returns the steps of the longest. Throws `UserError`
 * where P is so badly conditioned that they are not found.
 */
export async function unwhiten(
  context: Context,
  signals: Float32Array<ArrayBuffer>,
  whitening: Whitening,
): Promise<number> {
  const size = whitening.mean.length,
    count = signals.length / size,
    atOnce = Math.min(count, rowsAtOnce(context, size));
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>, row: number) => {
    let sum = 0;
    for (let i = row * size; i < (row + 1) * size; i++) sum += a[i]! * b[i]!;
    return sum;
  };
  let most = 0;
  await withProduct(context, whitening, atOnce, new Float32Array(size), async (product) => {
    for (let first = 0; first < count; first += atOnce) {
      const rows = Math.min(atOnce, count - first), own = signals.subarray(first * size, (first + rows) * size);
      // What is found, what is left, and the direction of each row; rows that are missing to a whole batch stay 0.
      const found = new Float64Array(rows * size), left = Float64Array.from(own);
      const direction = new Float32Array(atOnce * size);
      direction.set(own);
      const squares = Array.from({ length: rows }, (_, row) => dot(left, left, row));
      if (!squares.every(Number.isFinite)) throw new UserError("Cannot map signals back that are not finite");
      const enough = squares.map((square) => LEFT ** 2 * square);
      let steps = 0;
      for (; squares.some((square, row) => square > enough[row]!); steps++) {
        if (steps === MOST_STEPS) throw new UserError(unfound);
        const turned = await product(direction);
        for (let row = 0; row < rows; row++) {
          const square = squares[row]!;
          if (square <= enough[row]!) continue; // found: further steps would divide by what is next to nothing
          const step = square / dot(direction, turned, row);
          for (let i = row * size; i < (row + 1) * size; i++) {
            found[i]! += step * direction[i]!;
            left[i]! -= step * turned[i]!;
          }
          squares[row] = dot(left, left, row);
          const share = squares[row]! / square;
          for (let i = row * size; i < (row + 1) * size; i++) direction[i] = left[i]! + share * direction[i]!;
        }
        if (!squares.every(Number.isFinite)) throw new UserError(unfound);
      }
      own.set(found);
      most = Math.max(most, steps);
    }
  });
  return most;
}

const unfound = "Cannot map signals back through the whitening: single precision does not undo it, which a larger " +
  "epsilon of zca would change";
