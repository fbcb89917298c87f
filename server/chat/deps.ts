import type { Database } from "../../db/index.ts";
import type { Engine } from "../engines/index.ts";
import type { BaseModel } from "../models/index.ts";
import type { ConversationChange } from "../protocol/index.ts";
import type { EventLog } from "./event-log.ts";
import type { TurnObserver } from "./observer.ts";
import type { Experts } from "./switchboard.ts";

/** What the chat room works with; main.ts connects it. */
export interface ChatDeps {
  db: Database;
  log: EventLog;
  engine: Engine;
  observer: TurnObserver;
  /** Adapters come and go: asked for at each turn. */
  experts: () => Experts;
  base: BaseModel;
  newId: () => string;
  /** ISO 8601 time. */
  now: () => string;
  /** 0 to 2^31 - 1. */
  newSeed: () => number;
  /** Tells a person's other tabs and devices. */
  publish: (userId: string, change: ConversationChange) => void;
  /** Faults that no client should see in full. */
  onFault: (error: unknown) => void;
}
