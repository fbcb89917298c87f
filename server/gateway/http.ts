import path from "node:path";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import { z } from "zod";
import { toPatchbayError } from "../chat/index.ts";
import { type Health, limits, PatchbayError } from "../protocol/index.ts";
import { crossOrigin } from "./cross-origin.ts";
import { credentialsOf, type Identity, requireScope } from "./identity.ts";
import { type ApiServices, openAiApi } from "./openai/api.ts";
import { openAiErrors } from "./openai/errors.ts";
import { isAllowedHost, isElsewhere } from "./origin.ts";
import type { RateLimits } from "./rate-limits.ts";

export interface HttpDeps {
  identity: Identity;
  rateLimits: RateLimits;
  health: () => Health;
  /** The server in figures, for Prometheus. */
  metrics: () => Promise<{ contentType: string; text: string }>;
  /** null while starting. */
  api: () => ApiServices | null;
  /** Built page. */
  webDir: string;
  host: string;
  onFault: (error: unknown) => void;
}

export const SignIn = z.object({ key: z.string().min(1).max(200).optional() });

/** The HTTP side: health, metrics, sessions, the page and the OpenAI-compatible API. The page's own chat goes over the socket. */
export function createHttpApp(deps: HttpDeps): Express {
  const app = express();
  app.disable("x-powered-by");
  const { identity, rateLimits, api: services } = deps;
  app.use(securityHeaders, hostCheck(deps.host));
  app.use("/v1", crossOrigin, openAiApi({ identity, rateLimits, services }));
  app.use(sameOrigin);
  app.get("/health", (_request, response) => {
    const health = deps.health();
    response.status(health.status === "ready" ? 200 : 503).json(health);
  });
  app.get("/metrics", metrics(deps));
  app.post("/api/session", express.json({ limit: limits.eventBytes }), session(identity));
  app.use("/api", () => {
    throw new PatchbayError("not-found", "There is nothing at this address.");
  });
  app.use(express.static(deps.webDir, { index: false, setHeaders: cacheByName }));
  app.get("/{*path}", page(deps));
  app.use("/v1", openAiErrors(fromExpress, deps.onFault));
  app.use(errorResponse(deps.onFault));
  return app;
}

/** For whoever may call the API; with a key, one that is made for this. */
function metrics({ identity, rateLimits, metrics }: HttpDeps): RequestHandler {
  return async (request, response) => {
    const person = await identity.caller(credentialsOf(request));
    requireScope(person, "metrics");
    await rateLimits.take(person);
    const { contentType, text } = await metrics();
    response.setHeader("Content-Type", contentType);
    response.setHeader("Cache-Control", "no-store");
    response.end(text);
  };
}

/** Makes sure that the caller has a session; with a key, signs them in. */
function session(identity: Identity): RequestHandler {
  return async (request, response) => {
    const body = SignIn.safeParse(request.body ?? {});
    if (!body.success) throw new PatchbayError("bad-request", 'The body is {} or {"key": "…"}.');
    const { key } = body.data;
    const credentials = credentialsOf(request);
    if (key !== undefined) {
      const { cookie } = await identity.signIn(credentials, key);
      if (cookie) response.setHeader("Set-Cookie", cookie);
    } else if (!(await identity.identify(credentials))) {
      response.setHeader("Set-Cookie", (await identity.welcome()).cookie);
    }
    response.status(204).end();
  };
}

/** Every address that is not a file is the page's business. The first visit gets its cookie here. */
function page({ identity, webDir }: HttpDeps): RequestHandler {
  return async (request, response) => {
    if (path.extname(request.path) !== "")
      throw new PatchbayError("not-found", "There is nothing at this address.");
    const person = await identity.identify(credentialsOf(request)).catch(() => "needs a key" as const);
    if (person === null) response.setHeader("Set-Cookie", (await identity.welcome()).cookie);
    response.setHeader("Cache-Control", "no-cache");
    response.sendFile(path.join(webDir, "index.html"));
  };
}

const securityHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader(
    "Content-Security-Policy",
    "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  );
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Referrer-Policy", "no-referrer");
  next();
};

const hostCheck =
  (host: string): RequestHandler =>
  (request, _response, next) => {
    if (!isAllowedHost(request.headers, host))
      throw new PatchbayError("forbidden", "Requests to this host are not allowed.");
    next();
  };

const sameOrigin: RequestHandler = (request, _response, next) => {
  if (isElsewhere(request.headers))
    throw new PatchbayError("forbidden", "Requests from this origin are not allowed.");
  next();
};

/** Vite puts a content hash into the names below assets/. */
function cacheByName(response: { setHeader(name: string, value: string): unknown }, file: string): void {
  const immutable = file.includes(`${path.sep}assets${path.sep}`);
  response.setHeader("Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache");
}

const errorResponse =
  (onFault: (error: unknown) => void): ErrorRequestHandler =>
  (cause, _request, response, _next) => {
    const error = fromExpress(cause) ?? toPatchbayError(cause);
    if (error.code === "internal") onFault(cause);
    response.status(error.status).json({ error: error.toBody() });
  };

/** express and its body parser mark their own errors with a status. */
function fromExpress(cause: unknown): PatchbayError | null {
  if (cause instanceof PatchbayError) return cause;
  const status = cause instanceof Error && "status" in cause ? cause.status : undefined;
  if (status === 413) {
    const limit = cause instanceof Error && "limit" in cause ? cause.limit : limits.eventBytes;
    return new PatchbayError("too-large", `The body is larger than ${limit} bytes.`);
  }
  if (status === 404) return new PatchbayError("not-found", "There is nothing at this address.");
  if (typeof status === "number" && status < 500)
    return new PatchbayError("bad-request", "The request cannot be read: its body has to be valid JSON.");
  return null;
}
