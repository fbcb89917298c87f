import { type ChatHistoryItem, JinjaTemplateChatWrapper, type LlamaModel, type Token } from "node-llama-cpp";
import { PatchbayError } from "../../protocol/index.ts";
import type { ChatMessage } from "../engine.ts";
import { chatTemplateOf } from "./chat-template.ts";

/**
 * Turns messages into the token ids of the model's own chat template. Text written by people is tokenised apart from
 * the template, so that `<|im_end|>` in a message stays text. Training uses this same encoder: what an adapter learned
 * from and what it is served with cannot part.
 */
export class PromptEncoder {
  /** In Jinja. */
  readonly template: string;
  readonly #model: LlamaModel;
  readonly #wrapper: JinjaTemplateChatWrapper;

  constructor(model: LlamaModel) {
    this.#model = model;
    this.template = chatTemplateOf(model);
    this.#wrapper = new JinjaTemplateChatWrapper({ template: this.template, tokenizer: model.tokenizer });
  }

  /** Tokens that the model was made for; the library knows its own figure for it only where weights are loaded. */
  get trainContextSize(): number {
    return this.#model.fileInfo.architectureMetadata.context_length ?? Number.POSITIVE_INFINITY;
  }

  /** Tokens of the messages, the last of them a user's, up to where the answer begins. */
  prompt(messages: ChatMessage[]): Token[] {
    const chatHistory: ChatHistoryItem[] = [...messages.map(toHistoryItem), { type: "model", response: [] }];
    const tokens = this.#wrapper
      .generateContextState({ chatHistory })
      .contextText.tokenize(this.#model.tokenizer);
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  }

  /**
   * A whole conversation as a training row: `completionMask` is 1 on the tokens that the model has to produce itself,
   * which are those of every answer and the end-of-turn token after it.
   */
  trainingRow(messages: ChatMessage[]): { inputIds: Token[]; completionMask: (0 | 1)[] } {
    const inputIds: Token[] = [];
    const completionMask: (0 | 1)[] = [];
    const append = (tokens: Token[], bit: 0 | 1) => {
      for (const token of tokens) {
        inputIds.push(token);
        completionMask.push(bit);
      }
    };
    messages.forEach((message, index) => {
      if (message.role !== "assistant") return;
      append(this.prompt(messages.slice(0, index)).slice(inputIds.length), 0);
      append(
        [...this.#model.tokenize(message.content.trim()), this.#endOfTurn(messages.slice(0, index), message)],
        1,
      );
    });
    return { inputIds, completionMask };
  }

  /** The text of tokens, template marks included. */
  decode(tokens: number[]): string {
    return this.#model.detokenize(tokens as Token[], true);
  }

  /** The token that the template puts right after this answer when the conversation goes on. */
  #endOfTurn(before: ChatMessage[], answer: ChatMessage): Token {
    const next: ChatMessage = { role: "user", content: "?" };
    const index = this.prompt(before).length + this.#model.tokenize(answer.content.trim()).length;
    const token = this.prompt([...before, answer, next])[index];
    if (token === undefined || !this.#model.isEogToken(token))
      throw new PatchbayError(
        "model-corrupt",
        "The chat template of this model does not end an answer with an end-of-turn token.",
      );
    return token;
  }
}

function toHistoryItem({ role, content }: ChatMessage): ChatHistoryItem {
  const text = content.trim();
  switch (role) {
    case "system":
      return { type: "system", text };
    case "user":
      return { type: "user", text };
    case "assistant":
      return { type: "model", response: [text] };
    default:
      return role satisfies never;
  }
}
