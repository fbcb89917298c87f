import { spawn } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "vitest";
import { z } from "zod";
import { readConfig } from "../../server/config.ts";
import { pythonEnvironment } from "../../server/learning/index.ts";

const Parsed = z.object({
  families: z.record(z.string(), z.object({ type: z.string(), help: z.string().min(1) })),
  samples: z.array(
    z.object({ name: z.string(), labels: z.record(z.string(), z.string()), value: z.number() }),
  ),
});
export type Sample = z.infer<typeof Parsed>["samples"][number];

/** What Prometheus' own parser makes of a server's metrics. */
export class ScrapedMetrics {
  readonly text: string;
  readonly families: z.infer<typeof Parsed>["families"];
  readonly samples: readonly Sample[];

  static async of(url: string, headers: Record<string, string> = {}): Promise<ScrapedMetrics> {
    const response = await fetch(`${url}/metrics`, { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const scraped = await response.text();
    return new ScrapedMetrics(scraped, Parsed.parse(JSON.parse(await parse(scraped))));
  }

  private constructor(scraped: string, { families, samples }: z.infer<typeof Parsed>) {
    this.text = scraped;
    this.families = families;
    this.samples = samples;
  }

  /** The sum over all samples of this name that have these labels; null where there is none. */
  value(name: string, labels: Record<string, string> = {}): number | null {
    const found = this.samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
  }

  /** Everything that stands in a label, without the bounds of histograms. */
  get labelValues(): Set<string> {
    return new Set(this.samples.flatMap(({ labels: { le: _, ...labels } }) => Object.values(labels)));
  }
}

async function parse(metrics: string): Promise<string> {
  const folder = path.resolve("tests/integration/prometheus");
  const requirements = path.join(folder, "requirements.txt");
  const python = await pythonEnvironment(requirements, readConfig(process.env).cacheDir, () => undefined);
  const child = spawn(python, [path.join(folder, "parse.py")], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(metrics);
  return text(child.stdout);
}
