import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { isPromptAlone } from "../../client/sdk/index.ts";
import {
  followAnswer,
  interactiveChat,
  newConversation,
  promptAloneSentence,
  toJson,
} from "../../client/terminal/index.ts";
import { connect } from "./connect.ts";
import { note, printJson } from "./output.ts";

interface ChatOptions {
  json?: boolean;
  adapter?: string;
  model?: string;
}

export function addChat(program: Command): void {
  program
    .command("chat")
    .description("talk in the terminal, or ask one question")
    .argument("[text]", "the question; without it, an interactive chat")
    .option("--json", "print one JSON value with the answer and how it came about")
    .option("--adapter <id>", "let this expert answer instead of the router's choice")
    .option("--model <model>", "start an engine of its own on this model")
    .addHelpText(
      "after",
      '\nExample:\n  $ npx patchbay chat "I was charged twice, how do I get my money back?" --json',
    )
    .action(async (text: string | undefined, options: ChatOptions, command: Command) => {
      if (text === undefined && (options.json || !process.stdin.isTTY))
        command.error('error: give a question, as in: patchbay chat "Where is my parcel?"', { exitCode: 2 });
      const connection = await connect({ model: options.model, log: note });
      try {
        if (text === undefined)
          await interactiveChat(connection.client, { input: process.stdin, output: process.stdout });
        else await askOnce(connection.client, text, options);
      } finally {
        await connection.close();
      }
    });
}

async function askOnce(
  client: Parameters<typeof newConversation>[0],
  text: string,
  options: ChatOptions,
): Promise<void> {
  const open = await newConversation(client);
  try {
    const started = await open.send(text, {
      clientId: randomUUID(),
      ...(options.adapter && { adapter: options.adapter }),
    });
    const onInterrupt = () => void open.stop(started.generationId);
    process.once("SIGINT", onInterrupt);
    let shown = 0;
    const answer = await followAnswer(open, started.id, (current) => {
      if (!options.json) process.stdout.write(current.text.slice(shown));
      shown = current.text.length;
    });
    process.off("SIGINT", onInterrupt);
    const json = toJson(answer);
    if (options.json) printJson(json);
    else {
      process.stdout.write("\n");
      note(`— ${json.version ?? json.adapter}, ${Math.round((json.confidence ?? 0) * 100)}% sure`);
    }
    if (answer.expert && isPromptAlone(answer.expert)) {
      const { adapters } = await client.call("adapters", {});
      const train = adapters.find(({ id }) => id === json.adapter)?.train ?? null;
      note(promptAloneSentence(answer.expert, train));
    }
  } finally {
    open.close();
  }
}
