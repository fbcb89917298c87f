import type { AdapterSummary, BASE } from "../../../sdk/index.ts";

/** Whoever can answer: an adapter, or the base model without one. */
export type ExpertInfo = Pick<
  AdapterSummary,
  "id" | "title" | "description" | "colour" | "notice" | "examples" | "train"
>;

/** Taken as a type: the value lives beside the protocol's schemas, which stay out of the bundle (vite.config.ts). */
const base: typeof BASE = "base";

const baseModel: ExpertInfo = {
  id: base,
  title: "Base model",
  description: "The plain model, without an adapter.",
  colour: "var(--base-model)",
  notice: null,
  train: null,
  examples: ["Why does water boil sooner on a mountain?", "Write two lines about the sea."],
};

/** The experts that are plugged in now, the base model last. */
export class Experts {
  readonly adapters: readonly ExpertInfo[];

  constructor(adapters: readonly AdapterSummary[]) {
    this.adapters = adapters.filter(({ id }) => id !== base);
  }

  /** Before anything has been trained, the base model answers alone. */
  get plugged(): readonly ExpertInfo[] {
    return this.adapters.length > 0 ? this.adapters : [baseModel];
  }

  get all(): readonly ExpertInfo[] {
    return [...this.adapters, baseModel];
  }

  has(id: string): boolean {
    return this.all.some((expert) => expert.id === id);
  }

  /** An old answer may be by an adapter that has been unplugged since: it keeps its title and turns grey. */
  find(id: string, title = id): ExpertInfo {
    return (
      this.all.find((expert) => expert.id === id) ?? {
        ...baseModel,
        id,
        title,
        description: "",
        examples: [],
      }
    );
  }
}
