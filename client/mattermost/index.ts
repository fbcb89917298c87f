export { MattermostBridge } from "./bridge.ts";
export { readMattermostSettings } from "./settings.ts";
