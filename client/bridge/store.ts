import fs from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { PatchbayError } from "../sdk/index.ts";

/** A message in a chat service that asks something. */
export interface ChatQuestion {
  /** The channel, or the direct conversation. */
  place: string;
  /** The message's id in its place, at most 64 characters: one id is one question, however often it is delivered. */
  id: string;
  /** What is one conversation: the id of a thread, where the service has them. */
  thread: string;
  /** The person's id in the chat service. */
  author: string;
  /** Sorts questions by the time at which they were asked. */
  askedAt: string;
  text: string;
}

/** A question and how far its answer is. */
export interface Turn extends ChatQuestion {
  conversationId: string | null;
  /** The answer's id on the server. */
  answerId: string | null;
  /** The message in the chat service that shows the answer. */
  post: string | null;
  /** When the newest vote that counts was given, by the chat service's clock. */
  votedAt: string | null;
  done: 0 | 1;
}

type Progress = Partial<Pick<Turn, "conversationId" | "answerId" | "post" | "votedAt" | "done">>;

/** What somebody chose for a place: who answers, and where the conversation begins in services without threads. */
export interface Preference {
  pinned: string | null;
  thread: string | null;
}

const SCHEMA = `
  create table people (author text primary key, cookie text not null) strict;
  create table preferences (
    place text not null, author text not null, pinned text, thread text,
    primary key (place, author)
  ) strict;
  create table turns (
    place text not null, id text not null, thread text not null, author text not null, askedAt text not null,
    text text not null, conversationId text, answerId text, post text, votedAt text,
    done integer not null default 0,
    primary key (place, id)
  ) strict;
  create index turns_by_thread on turns (place, thread, askedAt);
  create index turns_by_post on turns (place, post);
  create index turns_unfinished on turns (done) where done = 0;
`;

/**
 * What a bridge has to know after a restart, in a SQLite file of its own: each person's session, each thread's
 * conversation, which questions were taken and which message shows which answer.
 */
export class BridgeStore {
  readonly #db: Database.Database;

  /** @throws {PatchbayError} `data-in-use`: two bridges on one file would both answer */
  constructor(file: string) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    // It holds sessions.
    fs.closeSync(fs.openSync(file, "a", 0o600));
    this.#db = new Database(file, { timeout: 1_000 });
    try {
      this.#db.pragma("locking_mode = exclusive");
      this.#db.pragma("journal_mode = wal");
      this.#db.transaction(() => this.#migrate()).exclusive();
    } catch (cause) {
      this.#db.close();
      const taken = cause instanceof Database.SqliteError && cause.code.startsWith("SQLITE_BUSY");
      if (!taken) throw cause;
      throw new PatchbayError("data-in-use", `Another bridge uses ${file}.`, {
        hint: "Stop it, or set PATCHBAY_DATA to another folder.",
        cause,
      });
    }
  }

  cookieOf(author: string): string | undefined {
    return this.#db
      .prepare<[string], string>("select cookie from people where author = ?")
      .pluck()
      .get(author);
  }

  keepCookie(author: string, cookie: string): void {
    this.#db
      .prepare("insert into people values (?, ?) on conflict do update set cookie = excluded.cookie")
      .run(author, cookie);
  }

  preferenceOf(place: string, author: string): Preference {
    const row = this.#db
      .prepare<[string, string], Preference>(
        "select pinned, thread from preferences where place = ? and author = ?",
      )
      .get(place, author);
    return row ?? { pinned: null, thread: null };
  }

  prefer(place: string, author: string, change: Partial<Preference>): void {
    const { pinned, thread } = { ...this.preferenceOf(place, author), ...change };
    this.#db.prepare("replace into preferences values (?, ?, ?, ?)").run(place, author, pinned, thread);
  }

  /** @returns false where this question was taken before */
  take(question: ChatQuestion): boolean {
    const { place, id, thread, author, askedAt, text } = question;
    const { changes } = this.#db
      .prepare(
        "insert or ignore into turns (place, id, thread, author, askedAt, text) values (?, ?, ?, ?, ?, ?)",
      )
      .run(place, id, thread, author, askedAt, text);
    return changes === 1;
  }

  record({ place, id }: Pick<ChatQuestion, "place" | "id">, progress: Progress): void {
    const columns = Object.keys(progress).map((column) => `${column} = ?`);
    this.#db
      .prepare(`update turns set ${columns.join(", ")} where place = ? and id = ?`)
      .run(...Object.values(progress), place, id);
  }

  /** The first question of a person in a thread whose answer has not ended. */
  nextUnfinished(line: Pick<ChatQuestion, "place" | "thread" | "author">): Turn | undefined {
    return this.#db
      .prepare<[string, string, string], Turn>(
        "select * from turns where place = ? and thread = ? and author = ? and done = 0 order by askedAt limit 1",
      )
      .get(line.place, line.thread, line.author);
  }

  unfinished(): Turn[] {
    return this.#db.prepare<[], Turn>("select * from turns where done = 0").all();
  }

  /** What was answered last in a thread: to this person, or to anybody else. */
  lastAnswered(
    thread: Pick<ChatQuestion, "place" | "thread" | "author">,
    to: "author" | "others",
  ): Turn | undefined {
    return this.#db
      .prepare<[string, string, string], Turn>(
        `select * from turns where place = ? and thread = ? and author ${to === "author" ? "=" : "<>"} ?
         and answerId is not null order by askedAt desc limit 1`,
      )
      .get(thread.place, thread.thread, thread.author);
  }

  /** The turn whose answer a message shows. */
  ofPost(place: string, post: string): Turn | undefined {
    return this.#db
      .prepare<[string, string], Turn>("select * from turns where place = ? and post = ?")
      .get(place, post);
  }

  close(): void {
    this.#db.close();
  }

  #migrate(): void {
    if (this.#db.pragma("user_version", { simple: true }) === 1) return;
    this.#db.exec(SCHEMA);
    this.#db.pragma("user_version = 1");
  }
}
