import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";

const has = (shell: string) => spawnSync(shell, ["-c", "true"]).status === 0;
const script = async (shell: string) => (await cli(["completion", shell])).stdout;

/** What a shell offers behind each of these, the last word of which is being typed. */
const expected: [typed: string[], offered: string[]][] = [
  [["patchbay", "ma"], ["mattermost"]],
  [["patchbay", "adapters", "l"], ["list"]],
  [["patchbay", "chat", "--j"], ["--json"]],
  [
    ["patchbay", "slack", "--"],
    ["--manifest", "--help"],
  ],
  [["patchbay", "adapters", "train", "support", "--res"], ["--resume"]],
  [["patchbay", "completion", "f"], ["fish"]],
  [["patchbay", "feedback", "export", "--format", ""], ["kto"]],
  [["npx", "patchbay", "router", "ex"], ["explain"]],
  [["npx", "patchb"], ["patchbay"]],
];

/** As zsh's bashcompinit calls a function that was written for bash. */
const ASKED_BY_ZSH = "emulate sh\nsetopt kshglob noshglob braceexpand\n";

it.each(["bash", "zsh"].filter(has))("completes commands, options and their values in %s", async (shell) => {
  const source = await script(shell);
  const complete = (typed: string[]) => {
    const words = typed.map((word) => `"${word}"`).join(" ");
    const asked = `COMP_WORDS=(${words})\nCOMP_CWORD=${typed.length - 1}\n_patchbay\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync(
      shell,
      ["-c", `${source}\n${shell === "zsh" ? ASKED_BY_ZSH : ""}${asked}`],
      // zsh writes down what it found to complete.
      { encoding: "utf8", env: { ...process.env, ZDOTDIR: temporaryFolder() } },
    );
    const offered = stdout.split("\n").filter((word) => word !== "");
    // zsh itself leaves out what does not go on with the word.
    return shell === "zsh" ? offered.filter((word) => word.startsWith(typed.at(-1) ?? "")) : offered;
  };
  for (const [typed, offered] of expected) expect(complete(typed), typed.join(" ")).toEqual(offered);
  // Files are offered then.
  expect(complete(["npx", "vitest", "r"])).toEqual([]);
  expect(complete(["patchbay", "feedback", "export", "--out", ""])).toEqual([]);
});

it("is for zsh what it is for bash, behind zsh's own way to run that, with no name that means something there", async () => {
  const [bash, zsh] = [await script("bash"), await script("zsh")];
  expect(zsh.endsWith(bash)).toBe(true);
  expect(zsh.slice(0, -bash.length)).toMatch(/ compinit[\s\S]+ bashcompinit && bashcompinit\n$/);
  const assigned = [...zsh.matchAll(/(?<![\w-])([a-z_]\w*)=/gi)].map(([, name]) => name);
  expect(new Set(assigned)).toEqual(new Set(["offered", "at", "next", "i", "COMPREPLY"]));
});

it.runIf(has("fish"))("completes them in fish", async () => {
  const source = await script("fish");
  for (const [typed, offered] of expected) {
    const asked = `complete -C '${typed.join(" ")}'`;
    const { stdout } = spawnSync("fish", ["--no-config", "-c", `${source}\n${asked}`], { encoding: "utf8" });
    expect(stdout.trim().split("\n"), typed.join(" ")).toEqual(expect.arrayContaining(offered));
  }
});
