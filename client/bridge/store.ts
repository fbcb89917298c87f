import fs from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { PatchbayError } from "../sdk/index.ts";

/** A message in a chat service that asks something. */
export interface ChatQuestion {
  /** The channel, or the direct conversation. */
  place: string;
  /** What the place is called where messages are posted, in services that do not take its id. */
  channel?: string | null;
  /** The message's id in its place, at most 64 characters: one id is one question, however often it is delivered. */
  id: string;
  /** What is one conversation: the id of a thread, where the service has them; the place itself is no thread. */
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
  /** How many pages of the answer are posted whole. */
  pages: number;
  /** When the newest vote that counts was given, by the chat service's clock. */
  votedAt: string | null;
  done: 0 | 1;
}

type Progress = Partial<Pick<Turn, "conversationId" | "answerId" | "post" | "pages" | "done">>;

/** A judgement on a message in the chat service. */
export interface ChatVote {
  place: string;
  post: string;
  author: string;
  value: 1 | -1;
  /** Given, or a thumb of that direction taken back. */
  act: "give" | "take-back";
  /** Orders one person's votes, in whatever order they are delivered. */
  at: string;
  comment?: string;
}

/** What somebody chose for a place: who answers, and where the conversation begins in services without threads. */
export interface Preference {
  pinned: string | null;
  thread: string | null;
}

/** Each takes a file from one version to the next. */
const MIGRATIONS = [
  `
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
`,
  `
  alter table turns add column channel text;
  alter table turns add column pages integer not null default 0;
  create table votes (
    place text not null, post text not null, author text not null, value integer not null, act text not null,
    at text not null, comment text not null,
    primary key (place, post, at)
  ) strict;
`,
];

/**
 * What a bridge has to know after a restart, in a SQLite file of its own: each person's session, each thread's
 * conversation, which questions were taken, which message shows which answer, and votes that are not saved yet.
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
    const { place, channel = null, id, thread, author, askedAt, text } = question;
    const { changes } = this.#db
      .prepare(
        "insert or ignore into turns (place, channel, id, thread, author, askedAt, text) values (?, ?, ?, ?, ?, ?, ?)",
      )
      .run(place, channel, id, thread, author, askedAt, text);
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

  keepVote({ place, post, author, value, act, at, comment = "" }: ChatVote): void {
    this.#db
      .prepare("insert or ignore into votes values (?, ?, ?, ?, ?, ?, ?)")
      .run(place, post, author, value, act, at, comment);
  }

  /** Votes that are not saved yet, in the order in which they were given. */
  keptVotes(): ChatVote[] {
    return this.#db.prepare<[], ChatVote>("select * from votes order by at").all();
  }

  dropVote({ place, post, at }: ChatVote): void {
    this.#db.prepare("delete from votes where place = ? and post = ? and at = ?").run(place, post, at);
  }

  /** From now on it is the vote that counts. */
  voteSaved(vote: ChatVote): void {
    this.#db
      .prepare("update turns set votedAt = ? where place = ? and post = ?")
      .run(vote.at, vote.place, vote.post);
    this.dropVote(vote);
  }

  close(): void {
    this.#db.close();
  }

  #migrate(): void {
    const version = Number(this.#db.pragma("user_version", { simple: true }));
    if (version >= MIGRATIONS.length) return;
    // All of it or nothing: a step that was half done could not be done again.
    this.#db.transaction(() => {
      for (const step of MIGRATIONS.slice(version)) this.#db.exec(step);
      this.#db.pragma(`user_version = ${MIGRATIONS.length}`);
    })();
  }
}
