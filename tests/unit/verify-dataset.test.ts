import { describe, expect, it } from "vitest";
import {
  type Conversation,
  nearDuplicates,
  type PlannedRow,
  verifyDataset,
} from "../../server/learning/index.ts";

const talk = (id: string, question: string, label = "billing"): Conversation => ({
  id,
  label,
  messages: [
    { role: "user", content: question },
    {
      role: "assistant",
      content: `An answer of its own kind, number ${id}, that no other row of this test gives.`,
    },
  ],
});

const planned = (id: string, label = "billing", turns = 1): PlannedRow => ({
  id,
  topic: "cards",
  situation: "declined at the till",
  mood: "rushed",
  register: "terse",
  turns,
  label,
});

const train = [
  talk("a", "my card was declined at the till and people stared at me"),
  talk("b", "where do I find the invoice for the lamp that I bought in spring", "delivery"),
];
const heldOut = [
  talk("c", "can I pay in two parts when the order is above one hundred"),
  talk("d", "nobody rang my bell and yet the courier says I was out", "delivery"),
];
const labelled = [{ id: "router-1", text: "parcel never came", label: "delivery" }];
const labels = ["billing", "delivery"];
const plan = [planned("a"), planned("b", "delivery"), planned("c"), planned("d", "delivery")];

describe("a dataset", () => {
  it("that is in order has nothing to mend, and its counts are told", () => {
    expect(verifyDataset({ train, heldOut, labelled, plan, labels })).toEqual({
      train: 2,
      heldOut: 2,
      multiTurn: 0,
      nearDuplicates: { rate: 0, rows: [] },
      labels: [
        { label: "billing", train: 1, turns: 0, heldOut: 1 },
        { label: "delivery", train: 1, turns: 1, heldOut: 1 },
      ],
      planned: 4,
      problems: [],
    });
  });

  it("needs neither plan nor labels", () => {
    const bare = train.map(({ label: _, ...row }) => row);
    expect(verifyDataset({ train: bare, heldOut, labelled: [], plan: null, labels: null })).toMatchObject({
      planned: null,
      problems: [],
    });
  });

  it.each([
    [
      "a repeated id",
      { train: [...train, talk("a", "something else altogether that nobody asked")] },
      /id a stands/,
    ],
    [
      "a label that the task lacks",
      { train: [...train, talk("e", "a new one", "refund")] },
      /e has the label "refund"/,
    ],
    [
      "a turn with a label that the task lacks",
      { labelled: [{ id: "router-2", text: "money back", label: "refund" }] },
      /router-2 has the label "refund"/,
    ],
    [
      "a row without a label",
      { train: [...train, { ...talk("e", "another"), label: undefined }] },
      /e has no label/,
    ],
    [
      "a label that nothing measures",
      { heldOut: heldOut.slice(0, 1) },
      /No held-out row has the label "delivery"/,
    ],
    ["a planned row that is not there", { plan: [...plan, planned("z")] }, /z is planned and not written/],
    ["a row that nobody planned", { plan: plan.slice(1) }, /a is written and not planned/],
    [
      "a row unlike its plan",
      { plan: [planned("a", "billing", 2), ...plan.slice(1)] },
      /a is not what the plan says/,
    ],
    [
      "a held-out row that is nearly trained on",
      { heldOut: [...heldOut, { ...(train[0] as Conversation), id: "e" }] },
      /e is held out and nearly the same as a/,
    ],
  ])("with %s is told so", (_, change, problem) => {
    const { problems } = verifyDataset({ train, heldOut, labelled, plan, labels, ...change } as Parameters<
      typeof verifyDataset
    >[0]);
    expect(problems).toContainEqual(expect.stringMatching(problem));
  });
});

describe("near-duplicates", () => {
  it("are rows that share more than half of their word 3-grams, whatever their case and punctuation", () => {
    const first = talk("a", "the courier left my parcel with a neighbour whom I do not know");
    const [answer] = first.messages.slice(1);
    const like = (id: string, question: string): Conversation => ({
      id,
      messages: [{ role: "user", content: question }, answer as Conversation["messages"][number]],
    });
    const rows = [
      first,
      like("b", "The courier left my parcel with a neighbour, whom I do NOT know!"),
      like("c", "is the shop at the corner of the old market open on the second day of the fair"),
    ];
    expect(nearDuplicates(rows)).toEqual([{ id: "b", of: "a", similarity: 1 }]);
  });

  it("are found among rows of one or two words", () => {
    const short = (id: string): Conversation => ({ id, messages: [{ role: "user", content: "help" }] });
    expect(nearDuplicates([short("a"), short("b")])).toEqual([{ id: "b", of: "a", similarity: 1 }]);
  });
});
