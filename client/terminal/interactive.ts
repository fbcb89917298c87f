import readline from "node:readline/promises";
import {
  type AdapterSummary,
  type Answer,
  BASE,
  isPromptAlone,
  OpenConversation,
  type PatchbayClient,
  PatchbayError,
  randomId,
  waitingSentence,
} from "../sdk/index.ts";
import { readHistory, writeHistory } from "./history.ts";
import { promptAloneSentence } from "./prompt-alone-sentence.ts";
import { type Style, styleFor } from "./style.ts";

const HELP = `  /up, /down [comment]   rate the last answer (again to change it), /unvote takes it back
  /expert ID             let one expert answer everything here; /expert auto gives the choice back
  /retry [ID]            answer the last question again, by another expert if named
  /wrong ID              it should have been this expert (base: none): it answers now, the router learns from it
  /why                   why this expert was chosen
  /new                   start a new conversation
  /quit                  leave (also Ctrl-D); Ctrl-C stops an answer
A line that ends with \\ goes on in the next; arrow up and Ctrl-R find earlier questions.`;

/** The chat in a terminal: one question after the other, answers as they come. Resolves when the person leaves. */
export async function interactiveChat(
  client: PatchbayClient,
  io: { input: NodeJS.ReadableStream; output: NodeJS.WriteStream; historyFile: string },
): Promise<void> {
  const { adapters } = await client.call("adapters", {});
  const chat = new TerminalChat(client, adapters, io.output);
  await chat.begin();
  const lines = readline.createInterface({
    input: io.input,
    output: io.output,
    prompt: "\n› ",
    history: readHistory(io.historyFile),
    historySize: 500,
    removeHistoryDuplicates: true,
  });
  lines.on("history", (newestFirst) => writeHistory(io.historyFile, newestFirst));
  lines.on("SIGINT", () => (chat.busy ? void chat.stop() : lines.close()));
  lines.prompt();
  let begun = "";
  for await (const line of lines) {
    // As in a shell, a backslash at its end says that a line goes on.
    if (line.endsWith("\\")) {
      begun += `${line.slice(0, -1)}\n`;
      io.output.write("… ");
      continue;
    }
    const goOn = await chat.handle(`${begun}${line}`.trim()).catch((error) => chat.showError(error));
    if (goOn === false) break;
    begun = "";
    lines.prompt();
  }
  lines.close();
  chat.end();
}

class TerminalChat {
  readonly #client: PatchbayClient;
  readonly #adapters: AdapterSummary[];
  readonly #output: NodeJS.WriteStream;
  readonly #style: Style;
  #open: OpenConversation | null = null;
  #last: Answer | null = null;
  #busy = false;

  constructor(client: PatchbayClient, adapters: AdapterSummary[], output: NodeJS.WriteStream) {
    this.#client = client;
    this.#adapters = adapters;
    this.#output = output;
    this.#style = styleFor(output);
  }

  get busy(): boolean {
    return this.#busy;
  }

  async begin(): Promise<void> {
    this.#open = await OpenConversation.create(this.#client);
    this.#last = null;
    const names = this.#adapters.map((adapter) => adapter.id).join(", ") || "the base model alone";
    this.#print(this.#style.dim(`Experts: ${names}. /help for commands.`));
  }

  end(): void {
    this.#open?.close();
  }

  async stop(): Promise<void> {
    if (this.#last) await this.#open?.stop(this.#last.generationId);
  }

  /** @returns false to leave */
  async handle(line: string): Promise<boolean> {
    if (line === "") return true;
    if (!line.startsWith("/")) {
      await this.#ask((open) => open.send(line, { clientId: randomId() }));
      return true;
    }
    const [command = "", ...rest] = line.slice(1).split(/\s+/);
    return this.#command(command, rest.join(" "));
  }

  showError(error: unknown): void {
    const known = error instanceof PatchbayError ? error : new PatchbayError("internal", String(error));
    this.#print(this.#style.red(`${known.message}${known.hint ? ` ${known.hint}` : ""}`));
  }

  async #command(command: string, argument: string): Promise<boolean> {
    switch (command) {
      case "help":
        this.#print(HELP);
        return true;
      case "up":
      case "down":
        await this.#vote(command === "up" ? 1 : -1, argument);
        return true;
      case "unvote":
        await this.#open?.retractVote(this.#lastAnswer().id);
        this.#print(this.#style.dim("Vote taken back."));
        return true;
      case "expert":
        await this.#pin(argument || "auto");
        return true;
      case "retry": {
        const { id } = this.#lastAnswer();
        await this.#ask((open) => open.regenerate(id, argument || undefined));
        return true;
      }
      case "wrong":
        await this.#correct(argument);
        return true;
      case "why":
        await this.#explain(this.#lastAnswer());
        return true;
      case "new":
        this.end();
        await this.begin();
        return true;
      case "quit":
      case "exit":
        return false;
      default:
        this.#print(`There is no command /${command}.\n${HELP}`);
        return true;
    }
  }

  async #ask(start: (open: OpenConversation) => Promise<Answer>): Promise<void> {
    const open = this.#open;
    if (!open) return;
    this.#busy = true;
    try {
      const started = await start(open);
      this.#last = started;
      let shown = 0;
      let chosen = false;
      let ahead: number | null = null;
      this.#last = await open.follow(started.id, (answer) => {
        if (answer.expert && !chosen) this.#output.write(`${this.#style.cyan(chip(answer))}\n`);
        chosen = answer.expert !== null;
        if (answer.ahead !== null && answer.ahead !== ahead)
          this.#print(this.#style.dim(waitingSentence(answer.ahead)));
        ahead = answer.ahead;
        this.#output.write(answer.text.slice(shown));
        shown = answer.text.length;
      });
      this.#closing(this.#last);
    } finally {
      this.#busy = false;
    }
  }

  #closing(answer: Answer): void {
    const notice = this.#adapters.find((adapter) => adapter.id === answer.expert?.id)?.notice;
    this.#output.write("\n");
    if (answer.error) this.#print(this.#style.red(answer.error.message));
    if (answer.status === "stopped") this.#print(this.#style.dim("Stopped."));
    if (answer.status === "cut-off") this.#print(this.#style.dim("The answer reached its length limit."));
    if (answer.droppedTurns > 0)
      this.#print(this.#style.dim(`The oldest ${answer.droppedTurns} turns no longer fitted.`));
    if (notice) this.#print(this.#style.dim(notice));
  }

  async #explain(answer: Answer): Promise<void> {
    this.#print(explain(answer));
    if (!answer.expert || !isPromptAlone(answer.expert)) return;
    const { adapters } = await this.#client.call("adapters", {});
    const train = adapters.find(({ id }) => id === answer.expert?.id)?.train;
    this.#print(promptAloneSentence(answer.expert, train ?? null));
  }

  async #vote(value: 1 | -1, comment: string): Promise<void> {
    await this.#open?.vote(this.#lastAnswer().id, { value, comment });
    this.#print(this.#style.dim(value === 1 ? "Saved: thumbs up." : "Saved: thumbs down."));
  }

  async #correct(expert: string): Promise<void> {
    const { id } = this.#lastAnswer();
    await this.#open?.correctRoute(id, expert);
    this.#print(this.#style.dim(`Noted: ${expert}. The router learns from it.`));
    await this.#ask((open) => open.regenerate(id, expert));
  }

  async #pin(choice: string): Promise<void> {
    if (!this.#open) return;
    await this.#client.call("conversation:pin", { conversationId: this.#open.id, pinned: choice });
    this.#print(
      this.#style.dim(choice === "auto" ? "The router chooses again." : `${choice} answers from here on.`),
    );
  }

  #lastAnswer(): Answer {
    if (this.#last) return this.#last;
    throw new PatchbayError("conflict", "There is no answer yet.");
  }

  #print(text: string): void {
    this.#output.write(`${text}\n`);
  }
}

const percent = (share: number): string => `${Math.round(share * 100)}%`;

function chip({ expert, decision }: Answer): string {
  const sure = decision?.pinned ? "pinned" : percent(decision?.confidence ?? 0);
  const alone = expert && isPromptAlone(expert) ? " · prompt alone" : "";
  return `○─● ${expert?.id === BASE ? "base model" : expert?.title} · ${sure}${alone}`;
}

function explain({ decision, expert }: Answer): string {
  if (!decision || !expert) return "No expert was chosen.";
  const runnerUp = decision.runnerUp
    ? `; next: ${decision.runnerUp.domain} ${percent(decision.runnerUp.confidence)}`
    : "";
  const elsewhere = expert.remote ? ` by ${expert.remote.model} on ${expert.remote.engine}` : "";
  const spoken = decision.evidence.map(({ feature }) => feature).join(", ");
  const words = spoken && ` Words that spoke for it: ${spoken}.`;
  const heard = decision.heard === "words" ? " It went by words alone." : "";
  return `${expert.version ?? expert.id}${elsewhere}, ${percent(decision.confidence)} sure${runnerUp}. ${decision.reason}.${words}${heard}`;
}
