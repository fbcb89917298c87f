import { describe, expect, it } from "vitest";
import type { Placed } from "../../server/json-lines.ts";
import {
  type Conversation,
  nearDuplicates,
  type PlannedRow,
  verifyDataset,
} from "../../server/learning/index.ts";

const talk = (id: string, question: string, label = "billing"): Placed<Conversation> => ({
  id,
  where: `the row of ${id}`,
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
const turn = (line: number, text: string, label?: string) => ({
  id: `router-${line}`,
  where: `router.jsonl line ${line}`,
  text,
  label,
});
const turns = [turn(1, "parcel never came", "delivery")];
const labels = ["billing", "delivery"];
const plan = [planned("a"), planned("b", "delivery"), planned("c"), planned("d", "delivery")];

describe("a dataset", () => {
  it("that is in order has nothing to mend, and its counts are told", () => {
    expect(verifyDataset({ train, heldOut, turns, plan, labels })).toEqual({
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
    expect(verifyDataset({ train: bare, heldOut, turns: [], plan: null, labels: null })).toMatchObject({
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
      { turns: [turn(2, "money back", "refund")] },
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
      {
        heldOut: [
          ...heldOut,
          talk("e", "yesterday my card was declined at the till and people stared at me"),
        ],
      },
      /the row of a \(a\) is nearly the same as the row of e \(e\), which is held out/,
    ],
    [
      "a row that asks what a held-out one asks, however it is answered",
      { train: [...train, talk("e", "Can I pay in two parts when the order is above ONE hundred?!")] },
      /the row of e \(e\) asks the same as the row of c \(c\), which is held out/,
    ],
    [
      "a turn that is nearly a held-out row's, with or without a label",
      { turns: [turn(2, "so can I pay in two parts when the order is above one hundred")] },
      /router\.jsonl line 2 is nearly a turn of the row of c \(c\), which is held out \(similarity 0\.92\)/,
    ],
    [
      "a turn that stands there twice",
      { turns: [...turns, turn(2, "Parcel never came!", "delivery")] },
      /router\.jsonl line 2 repeats router\.jsonl line 1/,
    ],
  ])("with %s is told so", (_, change, problem) => {
    const { problems } = verifyDataset({ train, heldOut, turns, plan, labels, ...change } as Parameters<
      typeof verifyDataset
    >[0]);
    expect(problems).toContainEqual(expect.stringMatching(problem));
  });
});

it("finds a leak of a held-out row that is even more like another held-out row", () => {
  const words = Array.from({ length: 40 }, (_, index) => `word${index}`);
  const row = (id: string, from: number): Placed<Conversation> => ({
    id,
    where: id,
    messages: [
      { role: "user", content: words.slice(from, from + 24).join(" ") },
      { role: "assistant", content: "Yes." },
    ],
  });
  const parts = { train: [row("a", 0)], heldOut: [row("b", 8), row("c", 6)], turns: [], plan: null };
  const { nearDuplicates: near, problems } = verifyDataset({ ...parts, labels: null });
  expect(near.rows).toMatchObject([{ id: "c", of: "b" }]);
  expect(problems).toContainEqual(expect.stringMatching(/^a \(a\) is nearly the same as c \(c\)/));
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

  it("are found in a script without spaces, by its characters, and not in what differs there", () => {
    const chinese = (id: string, question: string): Conversation => ({
      id,
      messages: [
        { role: "user", content: question },
        { role: "assistant", content: "好的。" },
      ],
    });
    const rows = [
      chinese("a", "我想取消上个星期五买的那张桌子的订单，应该怎么做？"),
      chinese("b", "我想取消上个星期五买的那张椅子的订单，应该怎么做？"),
      chinese("c", "快递说已经送到了，可是我没有收到包裹，请帮我查一下。"),
    ];
    expect(nearDuplicates(rows)).toMatchObject([{ id: "b", of: "a" }]);
  });

  it("are found among rows of one or two words", () => {
    const short = (id: string): Conversation => ({ id, messages: [{ role: "user", content: "help" }] });
    expect(nearDuplicates([short("a"), short("b")])).toEqual([{ id: "b", of: "a", similarity: 1 }]);
  });
});
