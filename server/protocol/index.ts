export * from "./error-body.ts";
export * from "./errors.ts";
export * from "./health.ts";
export * from "./limits.ts";
export * from "./resources.ts";
export * from "./socket-events.ts";
export * from "./trace-headers.ts";
export * from "./turn-event.ts";
