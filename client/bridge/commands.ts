import { BASE } from "../sdk/index.ts";
import type { People } from "./people.ts";
import type { BridgeStore } from "./store.ts";

/** What people can tell a bridge besides asking. */
export type Command =
  | { type: "pin"; expert: string }
  | { type: "unpin" }
  | { type: "experts" }
  | { type: "help" };

/** @returns null where the text is no command */
export function parseCommand(text: string): Command | null {
  const [word = "", argument, ...more] = text.trim().toLowerCase().split(/\s+/);
  if (more.length > 0) return null;
  if (word === "pin") return argument === undefined ? { type: "help" } : { type: "pin", expert: argument };
  if (argument !== undefined) return null;
  return word === "unpin" || word === "experts" || word === "help" ? { type: word } : null;
}

/** Does what a command says for a person in a place. @returns the reply, in Markdown */
export async function runCommand(
  command: Command,
  { place, author }: { place: string; author: string },
  deps: { store: BridgeStore; people: People; help: string },
): Promise<string> {
  const { store, people } = deps;
  switch (command.type) {
    case "help":
      return deps.help;
    case "unpin":
      store.prefer(place, author, { pinned: null });
      return "The router chooses who answers you here again.";
    case "pin": {
      const { adapters } = await people.as(author, (client) => client.call("adapters", {}));
      const ids = [...adapters.map(({ id }) => id), BASE];
      if (!ids.includes(command.expert))
        return `There is no expert \`${command.expert.slice(0, 40)}\`. There are: ${ids.map((id) => `\`${id}\``).join(", ")}.`;
      store.prefer(place, author, { pinned: command.expert });
      return `\`${command.expert}\` answers you here from now on. \`unpin\` gives the choice back to the router.`;
    }
    case "experts": {
      const { adapters } = await people.as(author, (client) => client.call("adapters", {}));
      const { pinned } = store.preferenceOf(place, author);
      const lines = adapters.map(
        ({ id, description }) => `• \`${id}\`${id === pinned ? " (pinned)" : ""}: ${description}`,
      );
      return [
        ...lines,
        `• \`${BASE}\`${pinned === BASE ? " (pinned)" : ""}: the base model, for everything else`,
      ].join("\n");
    }
    default:
      return command satisfies never;
  }
}
