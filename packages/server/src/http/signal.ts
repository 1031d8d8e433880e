/** A signal that a request's work listens to: nobody waits for the answer, or its time is over. */

import { RequestError } from '../errors.ts';

/**
 * Runs `work` until it ends or its signal is aborted, whichever is first.
 *
 * @param closed Aborted when the client has gone.
 * @param seconds Until the time-out.
 * @throws RequestError for the one and the other.
 */
export async function withSignal<T>(
  closed: AbortSignal,
  seconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const late = `request timed out after ${seconds} s: send fewer texts, or start the server with a larger --timeout`;
  const timer = setTimeout(
    () => controller.abort(new RequestError('timeout', late, { code: 'timeout' })),
    seconds * 1000,
  );
  const onClose = () => controller.abort(new RequestError('cancelled', 'client disconnected'));
  if (closed.aborted) onClose();
  else closed.addEventListener('abort', onClose, { once: true });
  try {
    return await Promise.race([
      work(signal),
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
    ]);
  } finally {
    clearTimeout(timer);
    closed.removeEventListener('abort', onClose);
  }
}
