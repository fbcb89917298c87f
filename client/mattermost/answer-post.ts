import { type AnswerPost, endingOf, expertLine } from "../bridge/index.ts";
import type { Answer, PatchbayError } from "../sdk/index.ts";

/** Mattermost takes 16,383 characters a post. */
const POST_CHARS = 16_000;

/** An answer in one post, when it is whole: webhooks can neither stream nor edit. */
export class WebhookAnswerPost implements AnswerPost {
  readonly #deliver: (text: string) => Promise<void>;
  readonly #posted: () => void;

  /** @param posted is told before the delivery, for people may judge what they see at once */
  constructor(deliver: (text: string) => Promise<void>, posted: () => void) {
    this.#deliver = deliver;
    this.#posted = posted;
  }

  async update(): Promise<void> {
    // Nothing to show yet.
  }

  async end(answer: Answer, notice: string | null): Promise<void> {
    this.#posted();
    const below = [expertLine(answer), endingOf(answer), notice].filter(Boolean).join(" · ");
    await this.#deliver(shortened([answer.text, below && `_${below}_`].filter(Boolean).join("\n\n")));
  }

  async fail(error: PatchbayError): Promise<void> {
    await this.#deliver(`:warning: ${error.message}${error.hint ? ` ${error.hint}` : ""}`);
  }
}

function shortened(text: string): string {
  // Mentions in what a model wrote call nobody.
  const harmless = text.replace(/@(?=\w)/g, "@\u200b");
  return harmless.length <= POST_CHARS ? harmless : `${harmless.slice(0, POST_CHARS)}…`;
}
