import fs from "node:fs";

const pages = ["README.md", "docs/clients.md"];

/** Programs that the documentation shows: each block of that language which has `mark` in it, as it stands there. */
export function shownPrograms(language: string, mark: string): { page: string; source: string }[] {
  return pages.flatMap((page) =>
    [...fs.readFileSync(page, "utf8").matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))]
      .map(([, source = ""]) => ({ page, source }))
      .filter(({ source }) => source.includes(mark)),
  );
}
