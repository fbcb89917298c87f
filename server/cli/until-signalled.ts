const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Resolves when somebody ends the process, as with Ctrl-C; at the second time it ends at once. The listener stays: some
 * package of node-llama-cpp's ends the process by itself once it finds that nobody else listens.
 */
export const untilSignalled = (): Promise<void> =>
  new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => {
        if (asked) process.exit(EXIT_CODES[signal]);
        asked = true;
        resolve();
      });
  });
