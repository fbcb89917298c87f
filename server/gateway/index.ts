export { createHttpApp } from "./http.ts";
export { createApiKey, Identity } from "./identity.ts";
export { SocketGateway, type SocketServices } from "./sockets.ts";
