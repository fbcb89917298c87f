import { type Command, InvalidArgumentError } from "commander";
import { readConfig } from "../config.ts";
import { HeadStore, type HeadSummary, listHeads, rollBack } from "../heads/index.ts";
import { withDatabase } from "./keys.ts";
import { note, percent, printJson, printLine, table } from "./output.ts";

/** What the server's router has learnt so far, from the data folder: whether or not the server runs. */
export function addHeads(router: Command): void {
  router
    .command("heads")
    .description("the heads that the server's router has had: what each learnt, and how it did at the gate")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay router heads")
    .action((options: { json?: boolean }) =>
      withDatabase(async (db) => {
        const heads = await listHeads(db, theStore());
        if (options.json) return printJson(heads);
        if (heads.length === 0)
          return note("There is none yet: the first one is made when the server starts.");
        printLine(headTable(heads));
        for (const { name, gate } of heads)
          if (gate && !gate.passed) printLine(`${name} was refused: ${gate.reasons.join("; ")}`);
      }),
    );
  router
    .command("rollback")
    .description(
      "go back to an earlier head, which a running server takes up at once; corrections that it has not learnt are set aside",
    )
    .argument("[version]", "such as router@3 (default: the head before the live one)", ordinalOf)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay router rollback router@3")
    .action((ordinal: number | undefined, options: { json?: boolean }) =>
      withDatabase(async (db) => {
        const now = new Date().toISOString();
        const result = await rollBack(db, theStore(), { ordinal: ordinal ?? null, now });
        if (options.json) return printJson(result);
        const { from, to, setAside } = result;
        note(`${to} is live instead of ${from}.`);
        if (setAside > 0)
          note(
            `${setAside} corrections are set aside: each counts again once it is given again, or with a rollback to a head that has learnt it.`,
          );
      }),
    );
}

const theStore = (): HeadStore => new HeadStore(readConfig(process.env).dataDir);

const headTable = (heads: HeadSummary[]): string =>
  table([
    ["HEAD", "VERSION", "STATUS", "HEARS", "CORRECTIONS", "TEXTS", "EXPERTS", "SERVED", "OUTSIDE", "MADE"],
    ...heads.map(({ name, version, status, hears, corrections, texts, gate, createdAt }) => {
      const figures = gate?.figures.candidate;
      return [
        name,
        version,
        status,
        hears,
        `${corrections}`,
        `${texts}`,
        ...[figures?.accuracy, figures?.inDomainAccuracy, figures?.oosRecall].map((share) =>
          share == null ? "" : percent(share),
        ),
        createdAt.slice(0, 16).replace("T", " "),
      ];
    }),
  ]);

function ordinalOf(text: string): number {
  const [, ordinal] = /^(?:router@)?(\d{1,9})$/.exec(text) ?? [];
  if (ordinal !== undefined) return Number(ordinal);
  throw new InvalidArgumentError("A head such as router@3.");
}
