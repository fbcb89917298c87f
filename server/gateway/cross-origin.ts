import type { RequestHandler } from "express";
import { isElsewhere } from "./origin.ts";

/** Seconds for which a browser need not ask again whether it may. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of other origins ask and read (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol), for addresses that
 * take nothing but an API key from them: a secret that such a page can only have been given.
 */
export const crossOrigin: RequestHandler = (request, response, next) => {
  response.vary("Origin");
  if (!isElsewhere(request.headers)) return next();
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Access-Control-Expose-Headers", "*");
  if (request.method !== "OPTIONS") return next();
  response.setHeader("Access-Control-Allow-Methods", "GET, POST");
  response.setHeader(
    "Access-Control-Allow-Headers",
    request.headers["access-control-request-headers"] ?? "Authorization, Content-Type",
  );
  response.setHeader("Access-Control-Max-Age", PREFLIGHT_SECONDS);
  response.status(204).end();
};
