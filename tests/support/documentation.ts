import fs from "node:fs";

/** The log is not among them: it says what once was. */
const docs = fs.readdirSync("docs").filter((name) => name.endsWith(".md") && name !== "log.md");
const pages = ["README.md", ...docs.map((name) => `docs/${name}`)];

/** Programs and files that the documentation shows: each block of that language which has `mark` in it, as it stands there. */
export function shownPrograms(language: string, mark: string): { page: string; source: string }[] {
  return pages.flatMap((page) =>
    [...fs.readFileSync(page, "utf8").matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))]
      .map(([, source = ""]) => ({ page, source }))
      .filter(({ source }) => source.includes(mark)),
  );
}

/** Commands that the documentation shows: the words behind `npx patchbay`, and the names of the settings before it. */
export function shownCommands(): { shown: string; settings: string[]; words: string[] }[] {
  const command = /((?:[A-Z_]+=\S+ )*)npx patchbay ([^`\n|#>\\]*)/g;
  return pages.flatMap((page) =>
    [...fs.readFileSync(page, "utf8").matchAll(command)].map(([shown, settings = "", words = ""]) => ({
      shown: `${page}: ${shown.trim()}`,
      settings: [...settings.matchAll(/([A-Z_]+)=/g)].map(([, name = ""]) => name),
      words: words.split(/\s+/).filter(Boolean),
    })),
  );
}
