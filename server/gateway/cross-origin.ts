import type { RequestHandler } from "express";
import { PatchbayError } from "../protocol/index.ts";
import { credentialsOf, type Identity } from "./identity.ts";
import { isElsewhere } from "./origin.ts";

/** Seconds for which a browser need not ask again whether it may. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets in what pages of other origins ask with an API key (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). A
 * key is a secret that such a page can only have been given; what its visitor's browser adds by itself does not count.
 * @throws {PatchbayError} `forbidden` without a key, `not-signed-in` with a wrong one
 */
export const crossOrigin =
  (identity: Pick<Identity, "identify">): RequestHandler =>
  async (request, response, next) => {
    response.vary("Origin");
    if (!isElsewhere(request.headers)) return next();
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Expose-Headers", "*");
    if (request.method === "OPTIONS") {
      response.setHeader("Access-Control-Allow-Methods", "GET, POST");
      response.setHeader(
        "Access-Control-Allow-Headers",
        request.headers["access-control-request-headers"] ?? "Authorization, Content-Type",
      );
      response.setHeader("Access-Control-Max-Age", PREFLIGHT_SECONDS);
      return void response.status(204).end();
    }
    if ((await identity.identify(credentialsOf(request))) === null)
      throw new PatchbayError("forbidden", "A page of another origin needs an API key.", {
        hint: "Make one with: npx patchbay keys create NAME",
      });
    next();
  };
