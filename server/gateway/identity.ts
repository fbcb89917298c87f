import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  authoriseSession,
  type Database,
  ensureUser,
  findApiKey,
  findSession,
  hasApiKeys,
  insertApiKey,
  insertSession,
  insertUser,
  inTransaction,
} from "../../db/index.ts";
import { PatchbayError, type Scope } from "../protocol/index.ts";
import { isElsewhere } from "./origin.ts";

const COOKIE = "patchbay_session";
const COOKIE_SECONDS = 365 * 24 * 3600;
const KEY_PREFIX = "pb-";

/** The headers that say who somebody is. */
export interface Credentials {
  cookie: string | undefined;
  authorization: string | undefined;
  /** Whether a page of another origin asks. */
  elsewhere: boolean;
}

/** Of a page of another origin the key alone counts, since its visitor's browser adds the cookie whatever the page is up to. */
export function credentialsOf({ headers }: Pick<IncomingMessage, "headers">): Credentials {
  const elsewhere = isElsewhere(headers);
  return { cookie: elsewhere ? undefined : headers.cookie, authorization: headers.authorization, elsewhere };
}

export interface Person {
  userId: string;
  /** What they came with, directly or when their session was opened; null on loopback while there are no keys. */
  key: { id: string; scopes: Scope[]; perMinute: number | null } | null;
}

/** Whoever calls the API on loopback without key and session: all of them are this one person. */
const LOCAL_USER = "00000000000000000000000000";

/** Tells people apart. Tokens and keys are random; the database holds only their SHA-256. */
export class Identity {
  readonly #db: Database;
  readonly #newId: () => string;
  readonly #now: () => string;
  #localUserMade = false;

  constructor(deps: { db: Database; newId: () => string; now: () => string }) {
    this.#db = deps.db;
    this.#newId = deps.newId;
    this.#now = deps.now;
  }

  /**
   * The person behind a request, or null for a visitor who has not been here before.
   * @throws {PatchbayError} `not-signed-in` once keys exist and none stands behind the request
   */
  async identify(credentials: Credentials): Promise<Person | null> {
    const key = bearerOf(credentials.authorization);
    const owner = key === null ? undefined : await findApiKey(this.#db, hash(key));
    if (owner) return owner;
    const token = cookieOf(credentials.cookie);
    const session = token === null ? undefined : await findSession(this.#db, hash(token));
    if (!(await hasApiKeys(this.#db))) return session ? { userId: session.userId, key: null } : null;
    if (key === null && session?.key) return { userId: session.userId, key: session.key };
    throw new PatchbayError(
      "not-signed-in",
      key === null ? "This server needs an API key." : "This API key is not valid.",
      {
        hint: "Make one with: npx patchbay keys create NAME",
      },
    );
  }

  /**
   * The person behind a request of the API, which keeps no session.
   * @throws {PatchbayError} as {@link identify} and {@link requireKeyElsewhere}
   */
  async caller(credentials: Credentials): Promise<Person> {
    const person = await this.identify(credentials);
    requireKeyElsewhere(person, credentials);
    if (person) return person;
    if (!this.#localUserMade) await ensureUser(this.#db, { id: LOCAL_USER, now: this.#now() });
    this.#localUserMade = true;
    return { userId: LOCAL_USER, key: null };
  }

  /** Makes a person and their session. @returns the user and the value of a Set-Cookie header */
  async welcome(apiKeyId: string | null = null): Promise<{ userId: string; cookie: string }> {
    const userId = this.#newId();
    const token = newToken();
    await inTransaction(this.#db, async (trx) => {
      await insertUser(trx, { id: userId, now: this.#now() });
      await insertSession(trx, {
        id: this.#newId(),
        userId,
        tokenHash: hash(token),
        apiKeyId,
        now: this.#now(),
      });
    });
    return { userId, cookie: setCookie(token) };
  }

  /** Opens a session with a key. Somebody who was here before keeps their conversations. @throws `not-signed-in` */
  async signIn(credentials: Credentials, key: string): Promise<{ cookie: string | null }> {
    const found = await findApiKey(this.#db, hash(key));
    if (!found)
      throw new PatchbayError("not-signed-in", "This API key is not valid.", {
        hint: "Check for missing characters.",
      });
    const token = cookieOf(credentials.cookie);
    const session = token === null ? undefined : await findSession(this.#db, hash(token));
    if (!session) return this.welcome(found.key.id);
    await authoriseSession(this.#db, session.id, found.key.id);
    return { cookie: null };
  }
}

/** @throws {PatchbayError} `forbidden` where the key behind a request is not made for this */
export function requireScope({ key }: Person, scope: Scope): void {
  if (key && !key.scopes.includes(scope))
    throw new PatchbayError("forbidden", `This API key is not made for ${scope}.`, {
      hint: `Make one with: npx patchbay keys create NAME --scope ${scope}`,
    });
}

/** @throws {PatchbayError} `forbidden` where a page of another origin asks with no key that counts */
export function requireKeyElsewhere(person: Person | null, { elsewhere }: Credentials): void {
  if (person === null && elsewhere)
    throw new PatchbayError("forbidden", "A page of another origin needs an API key.", {
      hint: "Make one with: npx patchbay keys create NAME",
    });
}

/** Makes an API key and the person it stands for. The key itself is shown once and not stored. */
export async function createApiKey(
  db: Database,
  made: { name: string; scopes: Scope[]; perMinute: number | null },
  deps: { newId: () => string; now: () => string },
): Promise<{ id: string; name: string; scopes: Scope[]; perMinute: number | null; key: string }> {
  const key = KEY_PREFIX + newToken();
  const id = deps.newId();
  await insertApiKey(db, {
    ...made,
    id,
    userId: deps.newId(),
    keyHash: hash(key),
    prefix: key.slice(0, KEY_PREFIX.length + 6),
    now: deps.now(),
  });
  return { id, ...made, key };
}

const newToken = (): string => randomBytes(32).toString("base64url");
const hash = (secret: string): string => createHash("sha256").update(secret).digest("hex");

// Lax, not Strict: a link from elsewhere would arrive without the cookie and be welcomed as a new person.
const setCookie = (token: string): string =>
  `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${COOKIE_SECONDS}`;

function cookieOf(header: string | undefined): string | null {
  for (const part of header?.split(";") ?? []) {
    const [name, value] = part.trim().split("=");
    if (name === COOKIE && value) return value;
  }
  return null;
}

const bearerOf = (header: string | undefined): string | null =>
  /^Bearer\s+(\S+)$/i.exec(header ?? "")?.[1] ?? null;
