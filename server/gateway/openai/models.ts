import type { ModelInfo } from "../../chat/index.ts";
import { PatchbayError } from "../../protocol/index.ts";

const modelObject = ({ name, createdAt, ...patchbay }: ModelInfo) => ({
  id: name,
  object: "model",
  created: Math.floor(Date.parse(createdAt) / 1000),
  owned_by: "patchbay",
  patchbay,
});

/** `GET /v1/models` */
export const listModels = (models: ModelInfo[]) => ({ object: "list", data: models.map(modelObject) });

/** `GET /v1/models/:id` @throws {PatchbayError} `adapter-unknown` */
export function retrieveModel(models: ModelInfo[], name: string) {
  const model = models.find((each) => each.name === name);
  if (model) return modelObject(model);
  throw new PatchbayError("adapter-unknown", `There is no model "${name}".`, {
    hint: "All of them: GET /v1/models.",
  });
}
