import path from "node:path";
import type { Command } from "commander";
import { type Answer, isPromptAlone, OpenConversation, randomId } from "../../client/sdk/index.ts";
import {
  answerTextFor,
  expertNamed,
  interactiveChat,
  promptAloneSentence,
  toJson,
} from "../../client/terminal/index.ts";
import { readConfig } from "../config.ts";
import { type Connection, connect } from "./connect.ts";
import { note, printJson } from "./output.ts";
import { endBeside, type Piped, readPiped, shortened, withPiped } from "./piped-text.ts";

/** As shells say it: ended by SIGINT. */
const INTERRUPTED = 130;

/** Characters of what was piped in; with fewer it is the question that is too long. */
const LEAST_PIPED = 200;

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
      '\nExamples:\n  $ npx patchbay chat "I was charged twice, how do I get my money back?" --json\n  $ cat server.log | npx patchbay chat "what broke?"\n\nOf a long input the end is read, as much as fits. In a loop over lines, add < /dev/null: it would read them.',
    )
    .action(async (words: string[], options: ChatOptions, command: Command) => {
      const question = words.join(" ").trim();
      const piped = await readPiped();
      const isChat = withPiped(question, piped) === "";
      if (isChat && (options.json || !process.stdin.isTTY))
        command.error('error: give a question, as in: patchbay chat "Where is my parcel?"', { exitCode: 2 });
      const connection = await connect({ model: options.model, log: note });
      try {
        if (!isChat) await askOnce(connection, question, piped, options);
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

async function askOnce(
  { client, contextSize }: Connection,
  question: string,
  piped: Piped,
  options: ChatOptions,
): Promise<void> {
  const { adapters } = await client.call("adapters", {});
  const adapter = options.adapter === undefined ? undefined : expertNamed(options.adapter, adapters);
  const open = await OpenConversation.create(client);
  const ask = (about: Piped) =>
    readAnswer(open, withPiped(question, about), { ...(adapter && { adapter }), silent: options.json });
  try {
    let read = endBeside(question, piped);
    let answer = await ask(read);
    // Who answers may be elsewhere and read more than the model here: only they can say that it is too much.
    while (answer.error?.code === "prompt-too-long" && read.text.length > LEAST_PIPED) {
      read = shortened(read, contextSize);
      answer = await ask(read);
    }
    const json = toJson(answer);
    if (options.json) printJson(json);
    else note(`— ${json.version ?? json.adapter}, ${Math.round((json.confidence ?? 0) * 100)}% sure`);
    if (read.leftOut > 0) note(leftOutWords(read));
    if (answer.expert && isPromptAlone(answer.expert)) {
      const train = adapters.find(({ id }) => id === json.adapter)?.train ?? null;
      note(promptAloneSentence(answer.expert, train));
    }
  } finally {
    open.close();
  }
}

/** Asks and writes the answer as it comes. Ctrl-C stops it. */
async function readAnswer(
  open: OpenConversation,
  text: string,
  { adapter, silent }: { adapter?: string; silent: boolean | undefined },
): Promise<Answer> {
  // Not below an earlier try, which would be part of the prompt.
  const place = { clientId: randomId(), parentId: null };
  const { id, generationId } = await open.send(text, { ...place, ...(adapter && { adapter }) });
  const onInterrupt = () => {
    process.exitCode = INTERRUPTED;
    // Where the server cannot be reached, there is nothing to wait for.
    open.stop(generationId).catch(() => process.exit());
  };
  process.once("SIGINT", onInterrupt);
  const shownAs = answerTextFor(process.stdout);
  let shown = 0;
  const answer = await open.follow(id, (current) => {
    if (!silent) process.stdout.write(shownAs.write(current.text.slice(shown)));
    shown = current.text.length;
  });
  process.off("SIGINT", onInterrupt);
  // Also of an answer that failed in the middle.
  if (!silent && shown > 0) process.stdout.write(`${shownAs.end()}\n`);
  return answer;
}

const leftOutWords = ({ text, leftOut }: Piped): string =>
  `The input was too long: its last ${text.length} characters were read, the ${leftOut} before were not.`;
