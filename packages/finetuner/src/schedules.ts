/** Learning rate by step. */

/** Learning rate of update number `step`, counted from 0. */
export type Schedule = (step: number) => number;

/**
 * Constant without warmup; else linear from 0 over the warmup, then half a cosine to 0 at the last step.
 * Agrees with transformers' get_cosine_schedule_with_warmup.
 *
 * @param warmupSteps Steps; below 1 a fraction of totalSteps, rounded down; undefined for a constant rate.
 * @param totalSteps Undefined for a stream of unknown length, which gets a constant rate, as in uniem.
 */
export function schedule(lr: number, warmupSteps: number | undefined, totalSteps: number | undefined): Schedule {
  if (warmupSteps === undefined || totalSteps === undefined) return () => lr;
  const warmup = Math.floor(warmupSteps < 1 ? warmupSteps * totalSteps : warmupSteps);
  return (step) => {
    if (step < warmup) return (lr * step) / Math.max(1, warmup);
    const progress = (step - warmup) / Math.max(1, totalSteps - warmup);
    return lr * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
  };
}

/** uniem's suggest_lr: by the number of trainable values. */
export function suggestLr(trainableValues: number): number {
  if (trainableValues <= 80_000_000) return 1e-4;
  if (trainableValues <= 200_000_000) return 5e-5;
  return 8e-6;
}
