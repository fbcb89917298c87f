import type { Message } from "../protocol/index.ts";

/** The messages from the root down to `leafId`, oldest first; empty for null. */
export function branchTo(messages: readonly Message[], leafId: string | null): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const branch: Message[] = [];
  let current = leafId === null ? undefined : byId.get(leafId);
  while (current) {
    branch.unshift(current);
    current = current.parentId === null ? undefined : byId.get(current.parentId);
  }
  return branch;
}

/** The leaf reached from a message by always taking the newest child. Ids are ULIDs, so the newest is the greatest. */
export function newestLeafBelow(messages: readonly Message[], messageId: string): string {
  let leaf = messageId;
  for (;;) {
    const children = messages.filter((message) => message.parentId === leaf).map((message) => message.id);
    const newest = children.sort().at(-1);
    if (newest === undefined) return leaf;
    leaf = newest;
  }
}
