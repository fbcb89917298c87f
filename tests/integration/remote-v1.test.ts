import path from "node:path";
import { expect, it } from "vitest";
import { adaptersFolder, addVersion, otherBase } from "../support/adapters.ts";
import { answers, FaultyServer } from "../support/faulty-server.ts";
import { openAi, patchbayOf, refund } from "../support/openai.ts";
import { enginesFile } from "../support/remote.ts";
import { startServer } from "../support/server.ts";

const entry = ({ url }: FaultyServer, more: object = {}) => ({
  type: "openai",
  baseURL: `${url}/v1`,
  model: "some-model",
  ...more,
});

it("an answer from elsewhere says over /v1 which model gave it, without the adapter and for how much", async () => {
  const box = await FaultyServer.start(answers);
  const { url } = await startServer({
    engines: enginesFile({
      engines: { box: entry(box, { price: { prompt: 1, completion: 10 } }) },
      order: { default: ["box"] },
    }),
  });
  const asked = { model: "support", messages: [refund] };
  const said = {
    adapter: "support",
    version: null,
    sha256: null,
    remotes: [{ engine: "box", model: "some-model" }],
  };
  const { data, response } = await openAi(url).chat.completions.create(asked).withResponse();
  expect(data.model).toBe("support");
  expect(patchbayOf(data)).toMatchObject(said);
  expect(patchbayOf(data).cost).toBeCloseTo(40e-6, 12);
  const streamed = await openAi(url)
    .chat.completions.create({ ...asked, stream: true })
    .withResponse();
  for (const { headers } of [response, streamed.response]) {
    expect(headers.get("x-patchbay-adapter")).toBe("support");
    expect(headers.get("x-patchbay-version")).toBeNull();
  }
  for await (const chunk of streamed.data) {
    expect(chunk.model).toBe("support");
    if (patchbayOf(chunk)) expect(patchbayOf(chunk)).toMatchObject(said);
  }
});

it("a question for an expert that has its prompt alone goes to that expert's engines, not to the base model's", async () => {
  const [cloud, box] = [await FaultyServer.start(answers), await FaultyServer.start(answers)];
  const adaptersDir = adaptersFolder(["support"]);
  addVersion(path.join(adaptersDir, "support"), otherBase);
  const { url } = await startServer({
    adaptersDir,
    engines: enginesFile({
      engines: { cloud: entry(cloud), box: entry(box) },
      order: { support: ["box"], base: ["cloud"] },
    }),
  });
  const answer = await openAi(url).chat.completions.create({ model: "support", messages: [refund] });
  expect(patchbayOf(answer)).toMatchObject({ version: null, remotes: [{ engine: "box" }] });
  expect(cloud.requests).toEqual([]);
});
