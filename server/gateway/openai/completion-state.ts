import {
  type Decision,
  type Expert,
  PatchbayError,
  type Timings,
  type TokenCounts,
  type TokenLogprob,
  type TurnEvent,
} from "../../protocol/index.ts";

/** Who answers a completion, and why. */
export interface Route {
  decision: Decision;
  expert: Expert;
}

export interface ChoiceState {
  text: string;
  logprobs: TokenLogprob[];
  droppedTurns: number;
  ending: { reason: "stop" | "length"; timings: Timings; tokens: TokenCounts } | PatchbayError | null;
}

/** What has become known of a completion so far. All its choices are routed alike. */
export class CompletionState {
  readonly choices: ChoiceState[];
  route: Route | null = null;

  constructor(count: number) {
    this.choices = Array.from({ length: count }, () => ({
      text: "",
      logprobs: [],
      droppedTurns: 0,
      ending: null,
    }));
  }

  get ended(): boolean {
    return this.choices.every(({ ending }) => ending !== null);
  }

  /** The first choice that failed. */
  get error(): PatchbayError | null {
    const failed = this.choices.find(({ ending }) => ending instanceof PatchbayError);
    return failed?.ending instanceof PatchbayError ? failed.ending : null;
  }

  apply(index: number, event: TurnEvent): void {
    const choice = this.choices[index];
    if (!choice) return;
    switch (event.type) {
      case "route":
        this.route = { decision: event.decision, expert: event.expert };
        break;
      case "queued":
        break;
      case "start":
        choice.droppedTurns = event.droppedTurns;
        break;
      case "delta":
        choice.text += event.text;
        choice.logprobs.push(...(event.logprobs ?? []));
        break;
      case "finish": {
        const { timings, tokens } = event;
        choice.ending = { reason: event.reason === "length" ? "length" : "stop", timings, tokens };
        break;
      }
      case "error":
        choice.ending = PatchbayError.fromBody({
          code: event.code as PatchbayError["code"],
          message: event.message,
        });
        break;
      default:
        event satisfies never;
    }
  }
}
