/** The shape of one image. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Images, and for each what the loss compares the network's output with. */
export interface LabelledImages {
  /** `[count, height, width, channels]`, as the network takes them. */
  readonly images: Float32Array;
  /** Class numbers from 0, u32 `[count]`; or targets, f32 `[count, outputs]`, for a loss that compares with such. */
  readonly labels: Uint32Array | Float32Array;
  /** How many examples. */
  readonly count: number;
  /** The shape of one image. */
  readonly shape: ImageShape;
}

/**
 * Labelled images in main memory, as a reader delivers them: not yet preprocessed, not yet on a device.
 *
 * Images lie one after the other in NHWC order, so example `i` starts at `i * height * width * channels`; channels are
 * red, green, blue, or grey alone.
 */
export interface Dataset extends LabelledImages {
  /** `[count, height, width, channels]`, values 0..255. */
  readonly images: Float32Array;
  /** `[count]`, class numbers from 0. */
  readonly labels: Uint32Array;
  /** How many examples. */
  readonly count: number;
  /** The shape of one image. */
  readonly shape: ImageShape;
}
