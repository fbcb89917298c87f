import {
  type Decision,
  type Expert,
  PatchbayError,
  type Timings,
  type TokenCounts,
  type TokenLogprob,
  type TurnEvent,
} from "../../protocol/index.ts";

export interface ChoiceState {
  /** Who answers it: not every choice need come from the same engine, nor through the adapter. */
  expert: Expert | null;
  text: string;
  logprobs: TokenLogprob[];
  droppedTurns: number;
  ending: Ended | PatchbayError | null;
}

interface Ended {
  reason: "stop" | "length";
  timings: Timings;
  tokens: TokenCounts;
  cost: number | null;
}

/** What has become known of a completion so far. All its choices are routed alike. */
export class CompletionState {
  readonly choices: ChoiceState[];
  decision: Decision | null = null;

  constructor(count: number) {
    this.choices = Array.from({ length: count }, () => ({
      expert: null,
      text: "",
      logprobs: [],
      droppedTurns: 0,
      ending: null,
    }));
  }

  get ended(): boolean {
    return this.choices.every(({ ending }) => ending !== null);
  }

  /** Who answers: through an adapter where every choice is. */
  get expert(): Expert | null {
    const experts = this.choices.flatMap(({ expert }) => expert ?? []);
    return experts.find(({ version }) => version === null) ?? experts[0] ?? null;
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
        this.decision = event.decision;
        choice.expert = event.expert;
        break;
      case "queued":
        break;
      case "start":
        choice.droppedTurns = event.droppedTurns;
        choice.expert = event.expert ?? choice.expert;
        break;
      case "delta":
        choice.text += event.text;
        choice.logprobs.push(...(event.logprobs ?? []));
        break;
      case "finish": {
        const { timings, tokens, cost = null } = event;
        choice.ending = { reason: event.reason === "length" ? "length" : "stop", timings, tokens, cost };
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
