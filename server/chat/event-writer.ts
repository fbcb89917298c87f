import { type Database, type EventRow, insertEvents } from "../../db/index.ts";

interface Waiting {
  row: EventRow;
  stored: () => void;
  failed: (error: unknown) => void;
}

/**
 * Stores events in groups (group commit, DeWitt et al. 1984): a model gives out the tokens of all its streams at once, and
 * what comes in within one turn of the event loop goes to disk in one statement.
 */
export class EventWriter {
  readonly #db: Database;
  #waiting: Waiting[] = [];

  constructor(db: Database) {
    this.#db = db;
  }

  /** @returns once it is on disk @throws what storing it throws, whatever becomes of the others in its group */
  store(row: EventRow): Promise<void> {
    return new Promise((stored, failed) => {
      this.#waiting.push({ row, stored, failed });
      if (this.#waiting.length === 1) setImmediate(() => this.#storeGroup());
    });
  }

  async #storeGroup(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    try {
      await this.#insert(group);
    } catch (error) {
      if (group.length === 1) return group[0]?.failed(error);
      // One of them may be of an answer that was deleted just now; the statement stored none.
      for (const each of group) await this.#insert([each]).catch(each.failed);
    }
  }

  async #insert(group: Waiting[]): Promise<void> {
    await insertEvents(
      this.#db,
      group.map(({ row }) => row),
    );
    for (const { stored } of group) stored();
  }
}
