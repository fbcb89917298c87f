import { type Command, InvalidArgumentError } from "commander";
import { printLine } from "./output.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes commands and options in your shell")
    .argument("<shell>", shells.join(", "), shellOf)
    .addHelpText("after", '\nExample:\n  $ eval "$(npx patchbay completion bash)"')
    .action((shell: Shell) => printLine(completionScript(shell, wordsByCommand(program))));
}

function shellOf(name: string): Shell {
  const shell = shells.find((known) => known === name);
  if (!shell) throw new InvalidArgumentError(`one of ${shells.join(", ")}`);
  return shell;
}

/** Path of a command ("", "chat", "adapters list") → what may follow it: subcommands and options. */
export function wordsByCommand(program: Command): Map<string, string[]> {
  const words = new Map<string, string[]>();
  const visit = (command: Command, path: string) => {
    const options = command.options.flatMap(({ long }) => (long ? [long] : []));
    words.set(path, [...command.commands.map((below) => below.name()), ...options, "--help"]);
    for (const below of command.commands) visit(below, `${path} ${below.name()}`.trim());
  };
  visit(program, "");
  return words;
}

/** Where nothing is known to follow, files are offered. */
export function completionScript(shell: Shell, words: ReadonlyMap<string, readonly string[]>): string {
  if (shell === "fish") return fishScript(words);
  const cases = [...words].map(([path, next]) => `    "${path}") words="${next.join(" ")}" ;;`);
  const script = `_patchbay() {
  local path="" words="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    [[ $word == -* ]] && break
    path="\${path:+$path }$word"
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _patchbay patchbay`;
  return shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
}

function fishScript(words: ReadonlyMap<string, readonly string[]>): string {
  const lines = [...words].flatMap(([path, next]) =>
    next.map((word) => {
      const seen =
        path === "" ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${path.split(" ").at(-1)}`;
      const what = word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`;
      return `complete -c patchbay -n "${seen}" ${what}`;
    }),
  );
  return lines.join("\n");
}
