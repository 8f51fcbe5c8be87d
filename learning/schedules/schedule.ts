import type { LearningKind } from "../kind.ts";

/** Where a training stands: `epoch` counts from 0, `steps` is how many the whole training has. */
export interface Place {
  /** The epoch, from 0. */
  readonly epoch: number;
  /** Steps of the whole training. */
  readonly steps: number;
}

/** The learning rate of a step, counted from 0. */
export type Schedule = (step: number, place: Place) => number;

/** A kind of schedule changes the rate of another; its options are keys of `learningRate:` in a config. */
export type ScheduleKind<Key extends string, Options, Input = Options> = LearningKind<
  Key,
  (rate: Schedule) => Schedule,
  Options,
  Input
>;
