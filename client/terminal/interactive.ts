import type { PatchbayClient } from "../sdk/index.ts";
import { QuestionReader } from "./question-reader.ts";
import { TerminalChat } from "./terminal-chat.ts";

/**
 * The chat in a terminal: one question after the other, answers as they come. Resolves when the person leaves.
 * @throws {PatchbayError} `adapter-unknown` for an expert that is not there
 */
export async function interactiveChat(
  client: PatchbayClient,
  io: {
    input: NodeJS.ReadableStream;
    output: NodeJS.WriteStream;
    historyFile: string;
    /** Answers everything from the beginning; without one, the router chooses. */
    expert?: string | undefined;
  },
): Promise<void> {
  const { adapters } = await client.call("adapters", {});
  const chat = new TerminalChat(client, adapters, io.output);
  if (io.expert !== undefined) await chat.pin(io.expert);
  const questions = new QuestionReader({ ...io, onInterrupt: () => chat.stop() });
  try {
    chat.greet();
    for (let text = await questions.next(); text !== null; text = await questions.next())
      if ((await chat.handle(text)) === "leave") break;
  } finally {
    questions.close();
    chat.end();
  }
}
