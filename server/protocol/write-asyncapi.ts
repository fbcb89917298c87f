import fs from "node:fs";
import { asyncApiDocument } from "./asyncapi.ts";

/** `npm run asyncapi`: writes docs/asyncapi.json anew. A test fails where the file and the schemas differ. */
const { version } = JSON.parse(fs.readFileSync("package.json", "utf8"));
fs.writeFileSync("docs/asyncapi.json", `${JSON.stringify(asyncApiDocument(version), null, 2)}\n`);
