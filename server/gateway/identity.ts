import { createHash, randomBytes } from "node:crypto";
import {
  authoriseSession,
  type Database,
  findApiKey,
  findSession,
  hasApiKeys,
  insertApiKey,
  insertSession,
  insertUser,
  inTransaction,
} from "../../db/index.ts";
import { PatchbayError } from "../protocol/index.ts";

const COOKIE = "patchbay_session";
const COOKIE_SECONDS = 365 * 24 * 3600;
const KEY_PREFIX = "pb-";

/** The headers that say who somebody is. */
export interface Credentials {
  cookie: string | undefined;
  authorization: string | undefined;
}

/** Tells people apart. Tokens and keys are random; the database holds only their SHA-256. */
export class Identity {
  readonly #db: Database;
  readonly #newId: () => string;
  readonly #now: () => string;

  constructor(deps: { db: Database; newId: () => string; now: () => string }) {
    this.#db = deps.db;
    this.#newId = deps.newId;
    this.#now = deps.now;
  }

  /**
   * The person behind a request, or null for a visitor who has not been here before.
   * @throws {PatchbayError} `not-signed-in` once keys exist and none stands behind the request
   */
  async identify(credentials: Credentials): Promise<{ userId: string } | null> {
    const key = bearerOf(credentials.authorization);
    const owner = key === null ? undefined : await findApiKey(this.#db, hash(key));
    if (owner) return { userId: owner.userId };
    const token = cookieOf(credentials.cookie);
    const session = token === null ? undefined : await findSession(this.#db, hash(token));
    if (!(await hasApiKeys(this.#db))) return session ? { userId: session.userId } : null;
    if (key === null && session?.apiKeyId && session.revokedAt === null) return { userId: session.userId };
    throw new PatchbayError(
      "not-signed-in",
      key === null ? "This server needs an API key." : "This API key is not valid.",
      {
        hint: "Make one with: npx patchbay keys create NAME",
      },
    );
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
    if (!session) return this.welcome(found.id);
    await authoriseSession(this.#db, session.id, found.id);
    return { cookie: null };
  }
}

/** Makes an API key and the person it stands for. The key itself is shown once and not stored. */
export async function createApiKey(
  db: Database,
  name: string,
  deps: { newId: () => string; now: () => string },
): Promise<{ id: string; name: string; key: string }> {
  const key = KEY_PREFIX + newToken();
  const id = deps.newId();
  await insertApiKey(db, {
    id,
    userId: deps.newId(),
    name,
    keyHash: hash(key),
    prefix: key.slice(0, KEY_PREFIX.length + 6),
    now: deps.now(),
  });
  return { id, name, key };
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
