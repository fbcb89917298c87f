#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { addAdapters } from "./adapters.ts";
import { addChat } from "./chat.ts";
import { addCompletion } from "./completion.ts";
import { addFeedback } from "./feedback.ts";
import { addKeys } from "./keys.ts";
import { addMattermost } from "./mattermost.ts";
import { addModels } from "./models.ts";
import { reportFailure } from "./output.ts";
import { addRouter } from "./router.ts";
import { addServe } from "./serve.ts";
import { addSlack } from "./slack.ts";

/** Exit codes: 0 done, 1 failed, 2 wrong use, 130 ended by Ctrl-C. */
async function main(argv: string[]): Promise<number> {
  const program = new Command("patchbay")
    .description(
      "A self-hosted chat server that routes every turn to a fine-tuned expert and learns from votes.",
    )
    .showHelpAfterError("(add --help for the options and an example)")
    .showSuggestionAfterError()
    .exitOverride();
  const commands = [addServe, addChat, addSlack, addMattermost, addModels, addKeys];
  for (const add of [...commands, addAdapters, addRouter, addFeedback, addCompletion]) add(program);
  try {
    await program.parseAsync(argv);
    // A command that has printed its finding, and it is a bad one, sets this itself.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    reportFailure(error, argv.includes("--json"));
    return 1;
  }
}

// Whoever reads the output has had enough of it, as in: npx patchbay chat "…" | head -n 1
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

// Set, not called: what is still in a pipe on its way out is written first.
process.exitCode = await main(process.argv);
