import { Argument, type Command } from "commander";
import { printLine } from "./output.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes commands and options in your shell")
    .addArgument(new Argument("<shell>", "for which shell").choices(shells))
    .addHelpText(
      "after",
      '\nExamples:\n  $ eval "$(npx patchbay completion bash)"\n  $ npx patchbay completion fish | source',
    )
    .action((shell: Shell) => printLine(completionScript(shell, offersByCommand(program))));
}

/**
 * Path of a command ("", "chat", "adapters list") → what may follow it: subcommands, options, known arguments. The path
 * of an option that takes a value ("feedback export --format") → its values, none where they are not known.
 */
export function offersByCommand(program: Command): Map<string, readonly string[]> {
  const offers = new Map<string, readonly string[]>();
  const visit = (command: Command, path: string) => {
    const options = command.options.flatMap(({ long }) => (long ? [long] : []));
    const values = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
    offers.set(path, [...command.commands.map((below) => below.name()), ...values, ...options, "--help"]);
    for (const { long, argChoices, required, optional } of command.options)
      if (long && (required || optional)) offers.set(`${path} ${long}`.trim(), argChoices ?? []);
    for (const below of command.commands) visit(below, `${path} ${below.name()}`.trim());
  };
  visit(program, "");
  return offers;
}

/** For `patchbay` and `npx patchbay`. Where nothing is known to follow, files are offered. */
export function completionScript(shell: Shell, offers: ReadonlyMap<string, readonly string[]>): string {
  if (shell === "fish") return fishScript(offers);
  const cases = [...offers].map(([path, next]) => `    "${path}") offered="${next.join(" ")}" ;;`);
  // No variable may be called "path" or "words": they mean something to zsh.
  const script = `_patchbay_offers() {
  case "$1" in
${cases.join("\n")}
    *) return 1 ;;
  esac
}
_patchbay() {
  local at="" offered="" next="" i=1
  if [[ "\${COMP_WORDS[0]}" == npx ]]; then
    if ((COMP_CWORD == 1)); then
      COMPREPLY=($(compgen -W patchbay -- "\${COMP_WORDS[1]}"))
      return
    fi
    [[ "\${COMP_WORDS[1]}" == patchbay ]] || return
    i=2
  fi
  for ((; i < COMP_CWORD; i++)); do
    next="\${at:+$at }\${COMP_WORDS[i]}"
    [[ "\${COMP_WORDS[i]}" != -* ]] && _patchbay_offers "$next" && at="$next"
  done
  _patchbay_offers "$at"
  next="\${COMP_WORDS[COMP_CWORD - 1]}"
  [[ "$next" == -* ]] && _patchbay_offers "\${at:+$at }$next"
  COMPREPLY=($(compgen -W "$offered" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _patchbay patchbay npx`;
  if (shell === "bash") return script;
  return `(( \${+functions[compdef]} )) || { autoload -U +X compinit && compinit; }\nautoload -U +X bashcompinit && bashcompinit\n${script}`;
}

function fishScript(offers: ReadonlyMap<string, readonly string[]>): string {
  const cases = [...offers].map(
    ([path, next]) => `    case "${path}"\n      printf '%s\\n' ${next.join(" ")}`,
  );
  const commands = [...offers.keys()].filter((path) => path !== "" && !path.includes("--"));
  return `function __patchbay_offers
  switch "$argv[1]"
${cases.join("\n")}
  end
end
function __patchbay
  set -l said (commandline -opc)[2..]
  test "$said[1]" = patchbay; and set -e said[1]
  set -l at ""
  for word in $said
    set -l next (string trim -- "$at $word")
    contains -- "$next" ${commands.map((path) => `"${path}"`).join(" ")}; and set at "$next"
  end
  if string match -q -- '-*' "$said[-1]"
    set -l values (__patchbay_offers (string trim -- "$at $said[-1]"))
    test -n "$values"; and printf '%s\\n' $values; and return
  end
  __patchbay_offers "$at"
end
complete -c patchbay -a '(__patchbay)'
complete -c npx -n 'test (count (commandline -opc)) = 1' -a patchbay
complete -c npx -n 'contains patchbay (commandline -opc)' -a '(__patchbay)'`;
}
