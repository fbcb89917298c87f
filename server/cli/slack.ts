import type { Command } from "commander";
import { bridgeOptions } from "./bridge-options.ts";
import { note } from "./output.ts";
import { untilSignalled } from "./until-signalled.ts";

export function addSlack(program: Command): void {
  program
    .command("slack")
    .description("answer in a Slack workspace, in front of a running server")
    .option("--manifest", "print the manifest from which to make the Slack app")
    .addHelpText(
      "after",
      "\nExample:\n  $ npx patchbay slack --manifest\n  $ SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… npx patchbay slack",
    )
    .action(async (options: { manifest?: boolean }) => {
      // Not above: other commands do without Slack's libraries.
      const { manifest, readSlackSettings, SlackBridge } = await import("../../client/slack/index.ts");
      if (options.manifest) {
        process.stdout.write(`${JSON.stringify(manifest, null, 2)}\n`);
        return;
      }
      const slack = readSlackSettings(process.env);
      const bridge = await SlackBridge.start({ slack, ...(await bridgeOptions("slack")) });
      const how =
        slack.events.by === "http"
          ? `events at port ${slack.events.port}, path /slack/events`
          : "socket mode";
      note(`Patchbay answers in Slack (${how})`);
      await untilSignalled();
      await bridge.close();
    });
}
