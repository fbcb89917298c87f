import { PatchbayError } from "../sdk/index.ts";

/** Reads a bridge's settings; what is missing or malformed is told with where to get it. */
export function settingsReader(env: Record<string, string | undefined>) {
  const refuse = (name: string, problem: string, hint: string): never => {
    throw new PatchbayError("bad-request", `The setting ${name} ${problem}.`, { hint });
  };
  return {
    /** @throws {PatchbayError} `bad-request` where it is missing or does not look like `form` */
    needed(name: string, form: RegExp, hint: string): string {
      const value = env[name]?.trim() ?? "";
      if (value === "") return refuse(name, "is missing", hint);
      return form.test(value) ? value : refuse(name, `does not look like one (${form.source})`, hint);
    },
    port(name: string, fallback: number): number {
      const text = env[name]?.trim();
      if (!text) return fallback;
      const port = Number(text);
      const valid = Number.isInteger(port) && port >= 0 && port <= 65_535;
      return valid ? port : refuse(name, "is not a port", "Give a number from 0 to 65535.");
    },
    optional: (name: string): string | undefined => env[name]?.trim() || undefined,
  };
}
