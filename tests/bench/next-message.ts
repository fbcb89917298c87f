import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** The next message of a child process. @throws {Error} where it ends without one */
export async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    return await Promise.race([
      once(child, "message", { signal }).then(([message]) => message as Message),
      once(child, "exit", { signal }).then(() => {
        throw new Error(`${child.spawnargs[1] ?? "a process"} ended unexpectedly`);
      }),
    ]);
  } finally {
    settled.abort();
  }
}
