import { type ErrorBody, errorTable, PatchbayError } from "../../server/protocol/index.ts";

/**
 * Makes sure of a session: one person's name on a server, under which they meet their conversations again.
 * @param credentials a `cookie` that is still good is kept, with a `key` it is signed in; without one, a new person is made
 * @returns the `Cookie` header to connect with; "" in a browser, which keeps its cookies to itself
 * @throws {PatchbayError} `not-signed-in`, `server-unreachable` …
 */
export async function openSession(
  url: string,
  credentials: { key?: string | undefined; cookie?: string | undefined } = {},
): Promise<string> {
  const { key, cookie } = credentials;
  const response = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(cookie && { cookie }) },
    body: JSON.stringify({ ...(key && { key }) }),
  }).catch((cause) => {
    throw new PatchbayError("server-unreachable", `No Patchbay server answers at ${url}.`, { cause });
  });
  if (!response.ok) throw await refusalOf(response);
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie ?? "";
}

async function refusalOf(response: Response): Promise<PatchbayError> {
  const body = (await response.json().catch(() => null)) as { error?: unknown } | null;
  if (isErrorBody(body?.error)) return PatchbayError.fromBody(body.error);
  return new PatchbayError("server-unreachable", `${response.url} answers with status ${response.status}.`);
}

/** By hand: the schema would bring zod into the page, with a `new Function` probe that its CSP refuses. */
const isErrorBody = (value: unknown): value is ErrorBody =>
  typeof value === "object" &&
  value !== null &&
  "code" in value &&
  typeof value.code === "string" &&
  Object.hasOwn(errorTable, value.code) &&
  "message" in value &&
  typeof value.message === "string";
