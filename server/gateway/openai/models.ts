import { closest } from "fastest-levenshtein";
import type { ModelInfo } from "../../chat/index.ts";
import { PatchbayError } from "../../protocol/index.ts";
import { EMBEDDER } from "./embeddings.ts";

const modelObject = ({ name, createdAt, ...patchbay }: ModelInfo) => ({
  id: name,
  object: "model",
  created: Math.floor(Date.parse(createdAt) / 1000),
  owned_by: "patchbay",
  patchbay,
});

/** Who answers, and the embedder where it serves, which is as old as the router (`auto`, the first). */
export function withEmbedder(models: ModelInfo[], embeds: boolean): ModelInfo[] {
  const [auto] = models;
  if (!embeds || !auto) return models;
  const description = "Makes vectors of texts: POST /v1/embeddings";
  return [...models, { ...auto, name: EMBEDDER, title: "Embedder", description }];
}

/** `GET /v1/models` */
export const listModels = (models: ModelInfo[]) => ({ object: "list", data: models.map(modelObject) });

/** `GET /v1/models/:id` @throws {PatchbayError} `adapter-unknown` with the nearest name */
export function retrieveModel(models: ModelInfo[], name: string) {
  const model = models.find((each) => each.name === name);
  if (model) return modelObject(model);
  throw new PatchbayError("adapter-unknown", `There is no model "${name}".`, {
    hint: `Did you mean "${closest(
      name,
      models.map((each) => each.name),
    )}"? GET /v1/models lists them all.`,
  });
}
