/**
 * Asks for the first value at once, where `for await` would ask once it gets there: what makes the values works on beside
 * whatever the caller does in between. A failure waits until the values are read.
 */
export function begun<T>(values: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = values[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => undefined);
  return following(iterator, first);
}

async function* following<T>(
  iterator: AsyncIterator<T>,
  first: Promise<IteratorResult<T>>,
): AsyncGenerator<T> {
  try {
    for (let next = await first; !next.done; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
