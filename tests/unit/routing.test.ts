import fs from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Decision } from "../../server/protocol/resources.ts";
import { readExamples, readHeldOut } from "../../server/routing/examples.ts";
import {
  createRouter,
  type Example,
  evaluate,
  type Head,
  type Router,
  trainHead,
} from "../../server/routing/index.ts";

const folders = { adaptersDir: path.resolve("adapters"), backgroundDir: path.resolve("adapters/router") };
const ids = ["education", "entertainment", "health", "support"];
const charged = "I was charged twice, how do I get my money back?";
/** As the experts answer; what was answered says where a follow-up belongs. */
const answers = new Map([
  [charged, "I am sorry about the double charge. Could you tell me your order number and the two dates?"],
]);

let head: Head;
let router: Router;
let examples: Example[];
beforeAll(() => {
  examples = readExamples(folders, ids);
  head = trainHead(examples);
  router = createRouter(head);
});

/** Routes the last of these user turns. */
function route(texts: string[], previous: string | null = null, pinned?: string): Promise<Decision> {
  const turns = texts.flatMap((text) => [
    { role: "user" as const, text },
    { role: "assistant" as const, text: answers.get(text) ?? "I see." },
  ]);
  return router.route({ turns: turns.slice(0, -1), previous, ...(pinned !== undefined && { pinned }) });
}

describe("the shipped router", () => {
  it("sends a double charge to support, is sure of it and says why", async () => {
    const decision = await route([charged]);
    expect(decision).toMatchObject({ domain: "support", pinned: false, head: `${head.version} by words` });
    expect(decision.confidence).toBeGreaterThan(0.85);
    expect(decision.reason).toMatch(/charged twice.*back/);
    expect(decision.runnerUp?.confidence).toBeLessThan(0.1);
  });

  it.each([
    ["my head hurts since monday and i feel dizzy", "health"],
    ["explain photosynthesis to a child", "education"],
    ["Tom has 5 apples and gives 2 to Ann. How many are left?", "education"],
    ["recommend a film like Alien", "entertainment"],
    ["i was chrged twice, please refund my mony", "support"],
    ["hi", "base"],
    ["what is the weather in Paris?", "base"],
    ["write a bash loop", "base"],
    ["", "base"],
    ["\u0000\ufffd\ud800", "base"],
  ])("sends %j to %s", async (text, domain) => {
    expect((await route([text])).domain).toBe(domain);
  });

  it.each(ids)("finds %s for the questions that the page offers of it", async (id) => {
    const card = JSON.parse(fs.readFileSync(path.resolve("adapters", id, "adapter.json"), "utf8"));
    expect(card.examples.length).toBeGreaterThan(0);
    for (const question of card.examples) expect((await route([question])).domain, question).toBe(id);
  });

  it("gives decisions of the documented shape, evidence strongest first", async () => {
    for (const { text } of readHeldOut(folders, ids)) {
      const { evidence, runnerUp, confidence, domain } = Decision.parse(await route([text]));
      expect(evidence.map(({ weight }) => weight)).toEqual(
        evidence.map(({ weight }) => weight).toSorted((a, b) => b - a),
      );
      expect(evidence.every(({ weight }) => weight >= 0)).toBe(true);
      expect(confidence + (runnerUp?.confidence ?? 0)).toBeLessThan(1.001);
      expect(runnerUp?.domain).not.toBe(domain);
    }
  });

  it("says which expert it was not sure enough of", async () => {
    const decisions = await Promise.all(readHeldOut(folders, ids).map(({ text }) => route([text])));
    const unsure = decisions.filter(({ reason }) => reason.startsWith("not sure enough of "));
    expect(unsure.length).toBeGreaterThan(0);
    for (const { domain, reason, runnerUp } of unsure) {
      expect(domain).toBe("base");
      expect(reason).toContain(runnerUp?.domain ?? "?");
    }
  });

  it("names an expert that was close, to be offered beside, and nobody where it is sure", async () => {
    const decisions = await Promise.all(readHeldOut(folders, ids).map(({ text }) => route([text])));
    const close = decisions.filter(({ alternative }) => alternative !== null);
    expect(close.some(({ domain }) => domain === "base")).toBe(true);
    expect(close.some(({ domain }) => domain !== "base")).toBe(true);
    for (const { domain, alternative, reason, heard } of decisions) {
      expect(heard).toBe("words");
      expect(alternative).not.toBe(domain);
      expect(alternative).not.toBe("base");
      if (alternative === null) expect(reason).not.toMatch(/^(between .* and|not sure enough of) /);
      else expect(reason).toMatch(new RegExp(`^(between|not sure enough of) .*${alternative}`));
    }
    expect(await route([charged], null, "health")).toMatchObject({ alternative: null, heard: null });
    expect((await route([charged])).alternative).toBeNull();
  });

  it("keeps its figures on the held-out turns", async () => {
    const report = await evaluate(head, readHeldOut(folders, ids));
    expect(report.accuracy).toBeGreaterThan(0.8);
    expect(report.oosAuroc).toBeGreaterThan(0.87);
    expect(report.thresholded.oosRecall).toBeGreaterThan(0.8);
  });

  it("hears the question below a huge paste", async () => {
    const paste = "lorem ipsum ".repeat(500_000);
    const decision = await route([`${paste} ${charged}`]);
    expect([decision.domain, decision.runnerUp?.domain]).toContain("support");
    const alone = await route([paste]);
    expect([alone.domain, alone.runnerUp?.domain]).not.toContain("support");
  });
});

describe("a conversation", () => {
  it.each(["yes please", "and then?", "thanks, go on", "ok", "👍", "why?", "2", "???", ""])(
    "stays with its expert through %j",
    async (followUp) => {
      const decision = await route([charged, followUp], "support");
      expect(decision.domain).toBe("support");
      expect(decision.reason).toBe("follow-up, stays with support");
    },
  );

  it("stays through several follow-ups in a row, as sure as at first", async () => {
    const first = await route([charged]);
    const later = await route([charged, "yes please", "ok", "and then?", "thanks, go on"], "support");
    expect(later).toMatchObject({ domain: "support", confidence: first.confidence });
  });

  it("stays with the base model as well", async () => {
    expect((await route(["what is the weather in Paris?", "and tomorrow?"], "base")).domain).toBe("base");
    expect((await route(["write a bash loop", "thanks, go on"], "base")).domain).toBe("base");
  });

  it("lets an unclear turn lean on the turns before it", async () => {
    expect((await route([charged, "the blue one"], "support")).domain).toBe("support");
    expect((await route(["my back hurts when i sit", "since monday"], "health")).domain).toBe("health");
  });

  it.each([
    ["my tooth hurts when i drink something cold", "health"],
    ["recommend a film", "entertainment"],
    ["write a bash loop", "base"],
    ["what is the weather in Paris?", "base"],
  ])("switches where the new turn is clear: %s", async (text, domain) => {
    expect((await route([charged, text], "support")).domain).toBe(domain);
  });

  it("does not stay with an expert that was unplugged", async () => {
    expect((await route([charged, "yes please"], "gone")).domain).not.toBe("gone");
  });

  it("obeys a pin, even to an expert the router does not know", async () => {
    for (const pinned of ["health", "base", "brand-new"])
      expect(await route([charged], "support", pinned)).toEqual({
        domain: pinned,
        confidence: 1,
        runnerUp: null,
        reason: "pinned by you",
        evidence: [],
        alternative: null,
        heard: null,
        head: head.version,
        pinned: true,
      });
  });
});

describe("an adapter that somebody adds with twenty examples", () => {
  const texts = `when do i prune apple trees / aphids on my roses / tomato leaves turn yellow / which soil for blueberries
    / how deep do i plant tulip bulbs / grass seed does not grow / slugs eat my lettuce / compost smells / when to sow carrots
    / hydrangea in the shade / repot a monstera / move a peony / weeds between the stones / hedge cuttings root how
    / greenhouse tomatoes water how often / fertilise the lawn / plant garlic in autumn / lavender after winter
    / raspberries do not fruit / cucumber seedlings fall over`;
  const rows = texts.split("/").map((text) => ({ text: text.trim(), label: "garden" }));

  it("is heard, and takes nothing from the others", async () => {
    const wider = trainHead([...examples, ...rows]);
    const garden = createRouter(wider);
    const ask = (text: string) => garden.route({ turns: [{ role: "user", text }], previous: null });
    expect(rows).toHaveLength(20);
    expect((await ask("aphids eat my tomato seedlings")).domain).toBe("garden");
    expect((await ask(charged)).domain).toBe("support");
    const [before, after] = await Promise.all(
      [head, wider].map(async (one) => (await evaluate(one, readHeldOut(folders, ids))).accuracy ?? 0),
    );
    expect(after).toBeGreaterThan((before ?? 1) - 0.03);
  });
});
