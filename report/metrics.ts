/** What one epoch of training measured: a row of a run's table and of its learning curves. */
export interface EpochMetrics {
  /** The number of the epoch, from 1. */
  epoch: number;
  /** The learning rate this epoch was trained with. */
  learningRate: number;
  /** Mean cross-entropy in nats over the epoch's training batches, dropout on, weight decay not included. */
  trainLoss: number;
  /** Share of wrongly classified training examples in percent, measured as the training loss is. */
  trainError: number;
  /** Mean cross-entropy in nats over the test examples; null where the epoch was not evaluated. */
  testLoss: number | null;
  /** Share of wrongly classified test examples in percent; null where the epoch was not evaluated. */
  testError: number | null;
  /** Training examples per second, evaluation not included. */
  imagesPerSecond: number;
  /** Wall clock of this epoch in seconds, evaluation included. */
  seconds: number;
}
