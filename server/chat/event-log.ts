import { type Database, type Ending, endGeneration, listEvents } from "../../db/index.ts";
import type { LoggedEvent, TurnEvent } from "../protocol/index.ts";
import { EventWriter } from "./event-writer.ts";

type Listener = (logged: LoggedEvent) => void;

/**
 * The log of every generation: an event is on disk before anybody sees it, so that a client can always ask for what
 * came after the last one it has. One writer for each generation, which awaits each append.
 */
export class EventLog {
  readonly #db: Database;
  readonly #writer: EventWriter;
  readonly #live = new Map<string, { seq: number; listeners: Set<Listener> }>();

  constructor(db: Database) {
    this.#db = db;
    this.#writer = new EventWriter(db);
  }

  begin(generationId: string): void {
    this.#live.set(generationId, { seq: 0, listeners: new Set() });
  }

  /** Takes back a {@link begin} whose generation was never stored. */
  discard(generationId: string): void {
    this.#live.delete(generationId);
  }

  /** Whether this process is writing the generation. */
  isLive(generationId: string): boolean {
    return this.#live.has(generationId);
  }

  async append(generationId: string, event: TurnEvent): Promise<void> {
    const live = this.#require(generationId);
    await this.#writer.store({ generationId, seq: live.seq + 1, event });
    this.#deliver(generationId, event);
  }

  /** The last event, together with the answer's final text and status. */
  async end(generationId: string, event: TurnEvent, ending: Ending, now: string): Promise<void> {
    const live = this.#require(generationId);
    await endGeneration(this.#db, generationId, { seq: live.seq + 1, event }, ending, now);
    this.#deliver(generationId, event);
    this.#live.delete(generationId);
  }

  /** Tells those who listen now of an ending that could not be stored. The log is closed properly at a later look. */
  abandon(generationId: string, event: TurnEvent): void {
    this.#deliver(generationId, event);
    this.#live.delete(generationId);
  }

  /** Replays what came after `afterSeq`, then follows. Returns how to stop following. */
  async subscribe(generationId: string, afterSeq: number, listener: Listener): Promise<() => void> {
    const live = this.#live.get(generationId);
    let delivered = afterSeq;
    // Until the replay is through, live events wait here, so that order is kept.
    let held: LoggedEvent[] | null = [];
    const follow: Listener = (logged) => {
      if (held) held.push(logged);
      else if (logged.seq > delivered) listener(logged);
    };
    live?.listeners.add(follow);
    const replay = await listEvents(this.#db, generationId, afterSeq);
    for (const { seq, event } of replay) {
      listener({ generationId, seq, event });
      delivered = seq;
    }
    const waiting: LoggedEvent[] = held;
    held = null;
    for (const logged of waiting) follow(logged);
    return () => live?.listeners.delete(follow);
  }

  #deliver(generationId: string, event: TurnEvent): void {
    const live = this.#require(generationId);
    live.seq += 1;
    for (const listener of live.listeners) listener({ generationId, seq: live.seq, event });
  }

  #require(generationId: string) {
    const live = this.#live.get(generationId);
    if (!live) throw new Error(`generation ${generationId} is not being written here`);
    return live;
  }
}
