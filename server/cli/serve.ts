import type { Command } from "commander";
import { readConfig } from "../config.ts";
import { note } from "./output.ts";
import { untilSignalled } from "./until-signalled.ts";

export function addServe(program: Command): void {
  program
    .command("serve")
    .description("start the chat server and its page")
    .option("--model <model>", "a GGUF file, an hf: URI or a name from `patchbay models list`")
    .option("--port <port>", "port to listen on (default: PORT or 3000)")
    .addHelpText("after", "\nExample:\n  $ npx patchbay serve --port 8080")
    .action(async (options: { model?: string; port?: string }) => {
      const env = {
        ...process.env,
        ...(options.port && { PORT: options.port }),
        ...(options.model && { PATCHBAY_MODEL: options.model }),
      };
      // Not above: every command, --help too, would load the whole server.
      const { Patchbay } = await import("../main.ts");
      const patchbay = await Patchbay.start(readConfig(env), { log: note });
      const { log } = patchbay;
      log.line(`Patchbay listens on ${patchbay.url}`);
      const ended = untilSignalled();
      // A model that cannot be loaded is told here and on the page; the server stays up to say so.
      patchbay.ready.catch((error: Error & { hint?: string }) =>
        log.line(`${error.message}${error.hint ? ` ${error.hint}` : ""}`),
      );
      await ended;
      log.line("stopping");
      await patchbay.close();
    });
}
