import { LlamaGrammarEvaluationState, type LlamaModel } from "node-llama-cpp";
import { PatchbayError } from "../../protocol/index.ts";
import type { AnswerFormat } from "../engine.ts";

/** The library's JSON grammars end like this, which JSON itself never does, and let nothing else follow. */
export const JSON_END = "\n\n\n\n";

const anyObject = { type: "object", additionalProperties: true } as const;

/**
 * Keeps one answer to its format, token by token.
 * @throws {PatchbayError} `schema-unsupported` where the grammar would be too large for llama.cpp
 */
export async function openGrammar(
  model: LlamaModel,
  format: AnswerFormat,
): Promise<LlamaGrammarEvaluationState> {
  const schema = format.type === "json" ? anyObject : format.schema;
  try {
    // Its type parameter is made for schemas that are written out in the program.
    const grammar = await model.llama.createGrammarForJsonSchema(schema as typeof anyObject);
    return new LlamaGrammarEvaluationState({ model, grammar });
  } catch (cause) {
    throw new PatchbayError("schema-unsupported", "No grammar can be made of this schema.", {
      hint: "Smaller counts and fewer alternatives make a smaller grammar.",
      cause,
    });
  }
}
