import {
  type AdapterSummary,
  type Answer,
  activeBranch,
  type Conversation,
  isPromptAlone,
  OpenConversation,
  type PatchbayClient,
  PatchbayError,
  randomId,
  waitingSentence,
} from "../sdk/index.ts";
import { answerTextFor, withoutControls } from "./answer-text.ts";
import { type CommandName, HELP, readInput } from "./commands.ts";
import { chip, expertList, explain, listed } from "./describe.ts";
import { latestConversations, searchEarlier } from "./earlier-conversations.ts";
import { expertNamed } from "./expert-named.ts";
import { promptAloneSentence } from "./prompt-alone-sentence.ts";
import type { Hit } from "./search.ts";
import { type Style, styleFor } from "./style.ts";

/** Conversations in a list. */
const LISTED = 10;

/** What a person does in the terminal, and what they see of it. */
export class TerminalChat {
  readonly #client: PatchbayClient;
  readonly #output: NodeJS.WriteStream;
  readonly #style: Style;
  readonly #unhook: (() => void)[];
  #adapters: AdapterSummary[];
  /** null: not begun, so that nobody's list fills with empty conversations. */
  #open: OpenConversation | null = null;
  /** For a conversation that is yet to begin. */
  #pinned = "auto";
  #last: Answer | null = null;
  /** What the numbers of `/open` mean. */
  #list: Conversation[] = [];
  #isOnline = true;
  #isBusy = false;
  #stopAsked = false;

  constructor(client: PatchbayClient, adapters: AdapterSummary[], output: NodeJS.WriteStream) {
    this.#client = client;
    this.#adapters = adapters;
    this.#output = output;
    this.#style = styleFor(output);
    this.#unhook = [
      client.onAdapters((now) => {
        this.#adapters = now;
      }),
      client.onStatus((status) => this.#onStatus(status === "online")),
    ];
  }

  greet(): void {
    const names = this.#adapters.map(({ id }) => id).join(", ") || "the base model alone";
    this.#note(`Experts: ${names}. /help for commands.`);
  }

  end(): void {
    for (const off of this.#unhook) off();
    this.#open?.close();
  }

  /** Ends the answer that is being written, or that is about to be. */
  stop(): void {
    if (!this.#isBusy) return;
    this.#stopAsked = true;
    this.#stopAnswer();
  }

  /** Failures are shown and leave the chat as it was. */
  async handle(text: string): Promise<"go-on" | "leave"> {
    const input = readInput(text);
    try {
      switch (input.is) {
        case "nothing":
          return "go-on";
        case "question":
          await this.#ask((open) => open.send(input.text, { clientId: randomId() }));
          return "go-on";
        case "unknown":
          this.#print(
            `There is no command /${input.name}. ${input.meant ? `Did you mean /${input.meant}?` : "/help lists them."}`,
          );
          return "go-on";
        case "command":
          if (input.name === "quit") return "leave";
          await this.#command(input.name, input.argument);
          return "go-on";
        default:
          return input satisfies never;
      }
    } catch (error) {
      this.#showError(error);
      return "go-on";
    }
  }

  async #command(name: Exclude<CommandName, "quit">, argument: string): Promise<void> {
    switch (name) {
      case "help":
        return this.#print(HELP);
      case "up":
      case "down":
        return this.#vote(name === "up" ? 1 : -1, argument);
      case "unvote": {
        const { id } = this.#lastAnswer();
        await this.#open?.retractVote(id);
        return this.#note("Vote taken back.");
      }
      case "expert":
        return argument === "" ? this.#showExperts() : this.pin(argument);
      case "retry": {
        const { id } = this.#lastAnswer();
        const expert = argument === "" ? undefined : expertNamed(argument, this.#adapters);
        return this.#ask((open) => open.regenerate(id, expert));
      }
      case "wrong":
        return this.#correct(argument);
      case "why":
        return this.#explain(this.#lastAnswer());
      case "search":
        return this.#search(argument);
      case "open":
        return this.#openListed(argument);
      case "new":
        this.#leaveConversation();
        return this.#note("A new conversation.");
      default:
        return name satisfies never;
    }
  }

  async #ask(start: (open: OpenConversation) => Promise<Answer>): Promise<void> {
    this.#isBusy = true;
    this.#stopAsked = false;
    try {
      this.#open ??= await OpenConversation.create(this.#client, { pinned: this.#pinned });
      this.#last = await start(this.#open);
      if (this.#stopAsked) this.#stopAnswer();
      await this.#readAlong(this.#open, this.#last);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Shows an answer while it is written, or at once where it is. */
  async #readAlong(open: OpenConversation, started: Answer): Promise<void> {
    const text = answerTextFor(this.#output);
    let shown = 0;
    let isChosen = false;
    let ahead: number | null = null;
    this.#last = await open.follow(started.id, (answer) => {
      if (answer.expert && !isChosen) this.#print(this.#style.cyan(chip(answer)));
      isChosen = answer.expert !== null;
      if (answer.ahead !== null && answer.ahead !== ahead) this.#note(waitingSentence(answer.ahead));
      ahead = answer.ahead;
      this.#output.write(text.write(answer.text.slice(shown)));
      shown = answer.text.length;
    });
    this.#output.write(`${text.end()}\n`);
    this.#closing(this.#last);
  }

  #closing(answer: Answer): void {
    const notice = this.#adapters.find((adapter) => adapter.id === answer.expert?.id)?.notice;
    if (answer.error) this.#print(this.#style.red(answer.error.message));
    if (answer.status === "stopped") this.#note("Stopped.");
    if (answer.status === "cut-off") this.#note("The answer reached its length limit.");
    if (answer.droppedTurns > 0) this.#note(`The oldest ${answer.droppedTurns} turns no longer fitted.`);
    if (notice) this.#note(notice);
  }

  async #explain(answer: Answer): Promise<void> {
    this.#print(explain(answer));
    if (!answer.expert || !isPromptAlone(answer.expert)) return;
    const train = this.#adapters.find(({ id }) => id === answer.expert?.id)?.train;
    this.#print(promptAloneSentence(answer.expert, train ?? null));
  }

  async #vote(value: 1 | -1, comment: string): Promise<void> {
    const { id } = this.#lastAnswer();
    await this.#open?.vote(id, { value, comment });
    this.#note(value === 1 ? "Saved: thumbs up." : "Saved: thumbs down.");
  }

  async #correct(name: string): Promise<void> {
    const { id } = this.#lastAnswer();
    const expert = expertNamed(name, this.#adapters);
    await this.#open?.correctRoute(id, expert);
    this.#note(`Noted: ${expert}. The router learns from it.`);
    await this.#ask((open) => open.regenerate(id, expert));
  }

  /** @throws {PatchbayError} `adapter-unknown` */
  async pin(name: string): Promise<void> {
    const pinned = expertNamed(name, this.#adapters);
    if (this.#open) await this.#client.call("conversation:pin", { conversationId: this.#open.id, pinned });
    this.#pinned = pinned;
    this.#note(pinned === "auto" ? "The router chooses again." : `${pinned} answers from here on.`);
  }

  #showExperts(): void {
    const chosen = this.#pinned === "auto" ? "The router chooses." : `${this.#pinned} answers everything.`;
    this.#print(`${expertList(this.#adapters)}\n${chosen}`);
  }

  async #search(query: string): Promise<void> {
    if (query === "") {
      const latest = await latestConversations(this.#client);
      this.#showList(latest.map((conversation) => ({ conversation, excerpt: null })));
      return;
    }
    const { hits, mistyped } = await searchEarlier(this.#client, query);
    if (hits.length > 0 && mistyped) this.#note("Nothing holds just these words; these are like them:");
    this.#showList(hits);
  }

  #showList(found: { conversation: Conversation; excerpt: Hit["excerpt"] | null }[]): void {
    const shown = found.slice(0, LISTED);
    this.#list = shown.map(({ conversation }) => conversation);
    if (shown.length === 0) {
      this.#note("No conversation found.");
      return;
    }
    for (const [index, { conversation, excerpt }] of shown.entries())
      this.#print(listed(index + 1, conversation, excerpt, this.#style));
    const more = found.length - shown.length;
    this.#note(
      `${more > 0 ? `And ${more} more: add a word to narrow them down. ` : ""}/open N goes on with one.`,
    );
  }

  async #openListed(number: string): Promise<void> {
    const chosen = /^\d+$/.test(number) ? this.#list[Number(number) - 1] : undefined;
    if (!chosen)
      throw new PatchbayError("not-found", `There is no number "${number}" in a list of conversations.`, {
        hint: "/search words makes one, as does /search alone.",
      });
    const open = new OpenConversation(this.#client, chosen.id);
    try {
      await open.load();
    } catch (error) {
      open.close();
      throw error;
    }
    this.#leaveConversation();
    this.#open = open;
    await this.#showEnd(open);
  }

  /** The last question and its answer, which may still be being written. */
  async #showEnd(open: OpenConversation): Promise<void> {
    const transcript = open.snapshot();
    if (!transcript) return;
    this.#pinned = transcript.conversation.pinned ?? "auto";
    const branch = activeBranch(transcript);
    const answer = branch.findLast((message) => message.role === "assistant");
    const question = branch.findLast((message) => message.role === "user");
    this.#print(this.#style.bold(withoutControls(transcript.conversation.title)));
    if (question) this.#print(`› ${withoutControls(question.text)}`);
    if (answer?.role !== "assistant") return;
    this.#isBusy = true;
    this.#last = answer;
    await this.#readAlong(open, answer).finally(() => {
      this.#isBusy = false;
    });
  }

  #leaveConversation(): void {
    this.#open?.close();
    this.#open = null;
    this.#last = null;
    this.#pinned = "auto";
  }

  #lastAnswer(): Answer {
    if (this.#last) return this.#last;
    throw new PatchbayError("conflict", "There is no answer yet.");
  }

  #stopAnswer(): void {
    if (this.#last?.status === "streaming")
      this.#open?.stop(this.#last.generationId).catch((error) => this.#showError(error));
  }

  /** Whoever waits for an answer learns why none comes. */
  #onStatus(isOnline: boolean): void {
    if (isOnline === this.#isOnline) return;
    this.#isOnline = isOnline;
    if (this.#isBusy) this.#note(isOnline ? "Connected again." : "The connection was lost; trying again…");
  }

  #showError(error: unknown): void {
    const known = error instanceof PatchbayError ? error : new PatchbayError("internal", String(error));
    this.#print(this.#style.red(`${known.message}${known.hint ? ` ${known.hint}` : ""}`));
  }

  #note(text: string): void {
    this.#print(this.#style.dim(text));
  }

  #print(text: string): void {
    this.#output.write(`${text}\n`);
  }
}
