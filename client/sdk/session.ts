import { z } from "zod";
import { ErrorBody, PatchbayError } from "../../server/protocol/index.ts";

const ErrorResponse = z.object({ error: ErrorBody });

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
  const body = ErrorResponse.safeParse(await response.json().catch(() => null));
  if (body.success) return PatchbayError.fromBody(body.data.error);
  return new PatchbayError("server-unreachable", `${response.url} answers with status ${response.status}.`);
}
