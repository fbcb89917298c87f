export { SlackBridge } from "./bridge.ts";
export { manifest } from "./manifest.ts";
export { readSlackSettings } from "./settings.ts";
