export { createHttpApp } from "./http.ts";
export { createApiKey, Identity } from "./identity.ts";
export type { ApiServices } from "./openai/api.ts";
export type { Embed } from "./openai/embeddings.ts";
export { RateLimits } from "./rate-limits.ts";
export { SocketGateway, type SocketServices } from "./sockets.ts";
