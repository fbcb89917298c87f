import type { Llama, LlamaContext } from "node-llama-cpp";

/*
 * node-llama-cpp splits `llama.maxThreads` over the contexts that decode at the same time. Only one does here, on a CPU,
 * but two of its rules would halve the threads of a step nevertheless: a context never gets more threads than the limit
 * was when it was made, and it goes on counting as decoding until a timer fires, which is after the next one has begun.
 */

/** Makes a context that may use `threads` however few the limit allows at the moment. */
export async function withAllThreads<T>(llama: Llama, threads: number, make: () => Promise<T>): Promise<T> {
  const limit = llama.maxThreads;
  if (limit === 0 || limit >= threads) return make();
  llama.maxThreads = threads;
  try {
    return await make();
  } finally {
    llama.maxThreads = limit;
  }
}

/**
 * Says that this context decodes no more, right after its step. There is no public way; where a later version has no such
 * method, steps of different adapters get fewer threads and the bench says so.
 */
export function releaseThreads(context: LlamaContext): void {
  (context as unknown as { _freeReservedThreads?: () => void })._freeReservedThreads?.();
}
