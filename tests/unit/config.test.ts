import { describe, expect, it } from "vitest";
import { isLoopback, readConfig } from "../../server/config.ts";

describe("settings", () => {
  it("work without any", () => {
    expect(readConfig({})).toMatchObject({
      host: "127.0.0.1",
      port: 3000,
      contextSize: 2048,
      model: undefined,
      gpu: "auto",
    });
  });

  it("take an empty value for none", () => {
    expect(readConfig({ PORT: "", PATCHBAY_MODEL: "" })).toMatchObject({ port: 3000, model: undefined });
  });

  it.each([
    ["PORT", "abc"],
    ["PORT", "70000"],
    ["PATCHBAY_GPU", "sometimes"],
    ["PATCHBAY_CONTEXT", "-1"],
    ["PATCHBAY_LOG", "yaml"],
    ["PATCHBAY_LOG_TEXT", "perhaps"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
  ])("refuse %s=%s by name", (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(
      expect.objectContaining({ code: "bad-request", message: expect.stringContaining(name) }),
    );
  });

  it("send traces where OpenTelemetry's own settings say", () => {
    const at = (env: Record<string, string>) => readConfig(env).tracesUrl;
    const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };
    expect(at({})).toBeNull();
    expect(at(base)).toBe("http://collector:4318/v1/traces");
    expect(at({ ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://other/in" })).toBe("https://other/in");
    expect(at({ ...base, OTEL_SDK_DISABLED: "true" })).toBeNull();
  });

  it("keep the cache where the system keeps caches", () => {
    expect(readConfig({ XDG_CACHE_HOME: "/somewhere" }).cacheDir).toBe("/somewhere/patchbay");
    expect(readConfig({ XDG_CACHE_HOME: "/somewhere", PATCHBAY_CACHE: "/else" }).cacheDir).toBe("/else");
  });

  it.each([
    ["127.0.0.1", true],
    ["localhost", true],
    ["::1", true],
    ["0.0.0.0", false],
    ["127.0.0.1.example.com", false],
    ["192.168.1.4", false],
  ])("know whether %s stays on this machine", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
