import path from "node:path";
import type { Command } from "commander";
import { isPromptAlone, OpenConversation, type PatchbayClient, randomId } from "../../client/sdk/index.ts";
import {
  answerTextFor,
  expertNamed,
  interactiveChat,
  promptAloneSentence,
  toJson,
} from "../../client/terminal/index.ts";
import { readConfig } from "../config.ts";
import { connect } from "./connect.ts";
import { note, printJson } from "./output.ts";
import { pipedText, withPiped } from "./piped-text.ts";

interface ChatOptions {
  json?: boolean;
  adapter?: string;
  model?: string;
}

export function addChat(program: Command): void {
  program
    .command("chat")
    .description("talk in the terminal, or ask one question")
    .argument("[text...]", "the question; without it, an interactive chat")
    .option("--json", "print one JSON value with the answer and how it came about")
    .option("--adapter <id>", "let this expert answer instead of the router's choice")
    .option("--model <model>", "start an engine of its own on this model")
    .addHelpText(
      "after",
      '\nExamples:\n  $ npx patchbay chat "I was charged twice, how do I get my money back?" --json\n  $ cat server.log | npx patchbay chat "what broke?"',
    )
    .action(async (words: string[], options: ChatOptions, command: Command) => {
      const question = withPiped(words.join(" "), await pipedText());
      if (question === "" && (options.json || !process.stdin.isTTY))
        command.error('error: give a question, as in: patchbay chat "Where is my parcel?"', { exitCode: 2 });
      const connection = await connect({ model: options.model, log: note });
      try {
        if (question !== "") await askOnce(connection.client, question, options);
        else {
          const historyFile = path.join(readConfig(process.env).cacheDir, "terminal-history");
          await interactiveChat(connection.client, {
            input: process.stdin,
            output: process.stdout,
            historyFile,
            expert: options.adapter,
          });
        }
      } finally {
        await connection.close();
      }
    });
}

async function askOnce(client: PatchbayClient, text: string, options: ChatOptions): Promise<void> {
  const { adapters } = await client.call("adapters", {});
  const adapter = options.adapter === undefined ? undefined : expertNamed(options.adapter, adapters);
  const open = await OpenConversation.create(client);
  try {
    const started = await open.send(text, {
      clientId: randomId(),
      ...(adapter && { adapter }),
    });
    const onInterrupt = () => void open.stop(started.generationId);
    process.once("SIGINT", onInterrupt);
    const shownAs = answerTextFor(process.stdout);
    let shown = 0;
    const answer = await open.follow(started.id, (current) => {
      if (!options.json) process.stdout.write(shownAs.write(current.text.slice(shown)));
      shown = current.text.length;
    });
    process.off("SIGINT", onInterrupt);
    // Also of an answer that failed in the middle.
    if (!options.json && shown > 0) process.stdout.write(`${shownAs.end()}\n`);
    const json = toJson(answer);
    if (options.json) printJson(json);
    else note(`— ${json.version ?? json.adapter}, ${Math.round((json.confidence ?? 0) * 100)}% sure`);
    if (answer.expert && isPromptAlone(answer.expert)) {
      const train = adapters.find(({ id }) => id === json.adapter)?.train ?? null;
      note(promptAloneSentence(answer.expert, train));
    }
  } finally {
    open.close();
  }
}
