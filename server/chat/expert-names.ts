import { closest } from "fastest-levenshtein";
import { BASE, PatchbayError } from "../protocol/index.ts";
import type { Registry } from "../registry/index.ts";

/** Something that an answer can be asked of by its name. */
export interface ModelInfo {
  /** `auto`, `base`, an adapter's id, or one of its versions. */
  name: string;
  title: string;
  description: string;
  /** Adapter version that answers; null: the router chooses, or the base model answers alone. */
  version: string | null;
  /** ISO 8601. */
  createdAt: string;
}

/** Everything that can be asked, `auto` first. @param since when the base model was loaded */
export function modelList({ adapters, versions }: Registry, since: string): ModelInfo[] {
  const trainedAt = new Map(versions.map((each) => [each.version, each.trainedAt]));
  const current = [...adapters.values()].map(({ summary: { id, title, description, version } }) => ({
    name: id,
    title,
    description,
    version,
    createdAt: trainedAt.get(version ?? "") ?? since,
  }));
  const titleOf = new Map(current.map(({ name, title, description }) => [name, { title, description }]));
  return [
    {
      name: "auto",
      title: "Router",
      description: "Chooses the expert of each turn",
      version: null,
      createdAt: since,
    },
    {
      name: BASE,
      title: "Base model",
      description: "The base model without an adapter",
      version: null,
      createdAt: since,
    },
    ...current,
    ...versions.map((each) => ({
      name: each.version,
      title: titleOf.get(each.id)?.title ?? each.id,
      description: titleOf.get(each.id)?.description ?? "",
      version: each.version,
      createdAt: each.trainedAt,
    })),
  ];
}

/** @throws {PatchbayError} `adapter-unknown` with the nearest name, and what proving a version can throw */
export async function requireExpert(registry: Registry, name: string): Promise<void> {
  if (name === "auto" || name === BASE || registry.adapters.has(name)) return;
  const versions = registry.versions.map(({ version }) => version);
  if (!versions.includes(name)) {
    const names = ["auto", BASE, ...registry.adapters.keys(), ...versions];
    throw new PatchbayError("adapter-unknown", `There is no model "${name}".`, {
      hint: `Did you mean "${closest(name, names)}"? GET /v1/models lists them all.`,
    });
  }
  await registry.named(name);
}
