import type { Command } from "commander";
import { bridgeOptions } from "./bridge-options.ts";
import { note } from "./output.ts";
import { untilSignalled } from "./until-signalled.ts";

export function addMattermost(program: Command): void {
  program
    .command("mattermost")
    .description("answer Mattermost, or anything with Slack's webhooks, in front of a running server")
    .addHelpText(
      "after",
      "\nExample:\n  $ MATTERMOST_TOKEN=… MATTERMOST_INCOMING_URL=https://chat.example/hooks/… npx patchbay mattermost",
    )
    .action(async () => {
      const { MattermostBridge, readMattermostSettings } = await import("../../client/mattermost/index.ts");
      const mattermost = readMattermostSettings(process.env);
      const bridge = await MattermostBridge.start({ mattermost, ...(await bridgeOptions("mattermost")) });
      note(`Patchbay answers outgoing webhooks at http://${mattermost.host}:${bridge.port}/`);
      await untilSignalled();
      await bridge.close();
    });
}
