import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { cli } from "../support/cli.ts";

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

it.each(["bash"].filter(has))("completes commands, options and their values in %s", async (shell) => {
  const source = await script(shell);
  const complete = (typed: string[]) => {
    const words = typed.map((word) => `"${word}"`).join(" ");
    const asked = `COMP_WORDS=(${words})\nCOMP_CWORD=${typed.length - 1}\n_patchbay\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync(shell, ["-c", `${source}\n${asked}`], { encoding: "utf8" })
      .stdout.trim()
      .split("\n");
  };
  for (const [typed, offered] of expected) expect(complete(typed), typed.join(" ")).toEqual(offered);
  // Files are offered then.
  expect(complete(["npx", "vitest", "r"])).toEqual([""]);
  expect(complete(["patchbay", "feedback", "export", "--out", ""])).toEqual([""]);
});

it.runIf(has("fish"))("completes them in fish", async () => {
  const source = await script("fish");
  for (const [typed, offered] of expected) {
    const asked = `complete -C '${typed.join(" ")}'`;
    const { stdout } = spawnSync("fish", ["--no-config", "-c", `${source}\n${asked}`], { encoding: "utf8" });
    expect(stdout.trim().split("\n"), typed.join(" ")).toEqual(expect.arrayContaining(offered));
  }
});
