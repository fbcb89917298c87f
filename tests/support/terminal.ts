import path from "node:path";
import { PassThrough } from "node:stream";
import { interactiveChat } from "../../client/terminal/index.ts";
import { temporaryFolder } from "./folder.ts";
import { newPerson } from "./server.ts";

/** Types lines into the chat of a terminal. @returns what the screen shows once it is left */
export async function typed(url: string, lines: string): Promise<string> {
  let shown = "";
  const screen = new PassThrough();
  screen.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  const keyboard = new PassThrough();
  keyboard.end(lines);
  await interactiveChat(await newPerson(url), {
    input: keyboard,
    output: screen as unknown as NodeJS.WriteStream,
    historyFile: path.join(temporaryFolder(), "history"),
  });
  return shown;
}
