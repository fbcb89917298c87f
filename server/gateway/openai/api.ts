import express, { type Request, type RequestHandler, type Response, type Router } from "express";
import type { Completions, ModelInfo } from "../../chat/index.ts";
import type { RouteCorrections, Votes } from "../../feedback/index.ts";
import { limits, PatchbayError, type Scope } from "../../protocol/index.ts";
import { credentialsOf, type Identity, type Person, requireScope } from "../identity.ts";
import type { Allowance, RateLimits } from "../rate-limits.ts";
import { chatCompletions } from "./chat-completions.ts";
import { type Embed, embeddings } from "./embeddings.ts";
import { feedback } from "./feedback.ts";
import { listModels, retrieveModel, withEmbedder } from "./models.ts";
import { routeCorrection } from "./route-correction.ts";

/** What the API works on; there once the server is ready. */
export interface ApiServices {
  completions: Completions;
  votes: Votes;
  routeCorrections: RouteCorrections;
  /** What can be asked, `auto` first. */
  models: () => ModelInfo[];
  embed: Embed;
  /** Whether there is an embedder that is ready. */
  embeds: () => boolean;
}

export interface ApiDeps {
  identity: Identity;
  rateLimits: RateLimits;
  /** null while starting. */
  services: () => ApiServices | null;
}

type Endpoint = (
  services: ApiServices,
  person: Person,
  request: Request,
  response: Response,
) => Promise<void> | void;

/** The OpenAI-compatible API, to be mounted at /v1. Errors are thrown to whoever mounts it. */
export function openAiApi(deps: ApiDeps): Router {
  const api = express.Router();
  const json = express.json({ limit: limits.apiBytes });
  /** Known, allowed and not too often, before the body is read. */
  const admit =
    (scope: Scope | null): RequestHandler =>
    async (request, response, next) => {
      const person = await deps.identity.caller(credentialsOf(request));
      if (scope) requireScope(person, scope);
      setAllowance(response, await deps.rateLimits.take(person));
      response.locals.person = person;
      next();
    };
  const serve =
    (endpoint: Endpoint): RequestHandler =>
    async (request, response) => {
      const services = deps.services();
      if (!services) throw new PatchbayError("starting", "The server is still loading its model.");
      await endpoint(services, response.locals.person, request, response);
    };
  api.get(
    "/models",
    admit(null),
    serve(
      ({ models, embeds }, _person, _request, response) =>
        void response.json(listModels(withEmbedder(models(), embeds()))),
    ),
  );
  api.get(
    "/models/:model",
    admit(null),
    serve(
      ({ models, embeds }, _person, request, response) =>
        void response.json(retrieveModel(withEmbedder(models(), embeds()), String(request.params.model))),
    ),
  );
  api.post(
    "/chat/completions",
    admit("chat"),
    json,
    serve(({ completions }, { userId }, request, response) =>
      chatCompletions(completions, userId, request, response),
    ),
  );
  api.post(
    "/embeddings",
    admit("embeddings"),
    json,
    serve(async ({ embed }, _person, request, response) => {
      response.json(await embeddings(embed, request.body));
    }),
  );
  api.post(
    "/feedback",
    admit("feedback"),
    json,
    serve(async ({ completions, votes }, { userId }, request, response) => {
      response.json(await feedback(completions, votes, userId, request.body));
    }),
  );
  api.post(
    "/route-corrections",
    admit("feedback"),
    json,
    serve(async ({ completions, routeCorrections }, { userId }, request, response) => {
      response.json(await routeCorrection(completions, routeCorrections, userId, request.body));
    }),
  );
  api.use((request) => {
    throw new PatchbayError("not-found", `There is nothing at ${request.method} /v1${request.path}.`);
  });
  return api;
}

function setAllowance(response: Response, allowance: Allowance | null): void {
  if (!allowance) return;
  response.setHeader("X-RateLimit-Limit-Requests", allowance.limit);
  response.setHeader("X-RateLimit-Remaining-Requests", allowance.remaining);
  response.setHeader("X-RateLimit-Reset-Requests", `${allowance.resetSeconds}s`);
}
