import { describe, expect, it } from "vitest";
import { HELP, readInput } from "../../client/terminal/commands.ts";
import { expertNamed } from "../../client/terminal/expert-named.ts";
import { searchConversations } from "../../client/terminal/search.ts";
import type { AdapterSummary, Conversation, Message } from "../../server/protocol/index.ts";

describe("what is typed in the terminal chat", () => {
  it.each([
    ["", { is: "nothing" }],
    ["where is my parcel?", { is: "question", text: "where is my parcel?" }],
    ["/var/log/syslog is full, why?", { is: "question", text: "/var/log/syslog is full, why?" }],
    ["/up\nis what it says", { is: "question", text: "/up\nis what it says" }],
    ["/down  far too long ", { is: "command", name: "down", argument: "far too long" }],
    ["/Expert Health", { is: "command", name: "expert", argument: "Health" }],
    ["/exit", { is: "command", name: "quit", argument: "" }],
    ["/?", { is: "command", name: "help", argument: "" }],
    ["/serch parcel", { is: "unknown", name: "serch", meant: "search" }],
    ["/exprt", { is: "unknown", name: "exprt", meant: "expert" }],
    ["/nonsense", { is: "unknown", name: "nonsense", meant: null }],
  ])("%j", (typed, read) => expect(readInput(typed)).toEqual(read));

  it("has help for every command it knows", () => {
    for (const name of ["up", "down", "unvote", "expert", "retry", "why", "search", "open", "new", "quit"])
      expect(HELP).toMatch(new RegExp(`^ {2}/${name}\\b.+ {2}\\S`, "m"));
  });

  it("names experts by id or title, and guesses what is near, and nothing else", () => {
    const adapters = [
      { id: "support", title: "Support" },
      { id: "health", title: "Health & fitness" },
      { id: "entertainment", title: "Films" },
    ] as AdapterSummary[];
    const named = (name: string) => expertNamed(name, adapters);
    expect(["auto", "BASE", " Support", "health & fitness", "films"].map(named)).toEqual([
      "auto",
      "base",
      "support",
      "health",
      "entertainment",
    ]);
    const hintFor = (name: string) => {
      try {
        return named(name);
      } catch (error) {
        return (error as { hint: string }).hint;
      }
    };
    expect(hintFor("helth")).toBe("Did you mean health?");
    expect(hintFor("Supprot")).toBe("Did you mean support?");
    expect(hintFor("entertianmnet")).toBe("Did you mean entertainment?");
    expect(hintFor("astrology")).toBe("There are: auto, base, support, health, entertainment.");
  });
});

describe("a search of one's conversations", () => {
  const conversation = (title: string, ...texts: string[]) => ({
    conversation: { title } as Conversation,
    messages: texts.map((text) => ({ text }) as Message),
  });
  const all = [
    conversation("Café in Zürich", "Where do I get a good café au lait?", "At the station."),
    conversation(
      "Lost parcel",
      "My parcel never came.",
      `I am sorry to hear that. ${"It may take a while. ".repeat(9)}Please send me the tracking number of the parcel.`,
    ),
    conversation("Refund", "How do I get my money back for the parcel?", "You will have it in 5 days."),
  ];
  const titles = (query: string) => searchConversations(query, all).hits.map((hit) => hit.conversation.title);

  it("finds those that hold all words, in the order given, whatever the case and accents", () => {
    expect(titles("parcel")).toEqual(["Lost parcel", "Refund"]);
    expect(titles("MONEY parcel")).toEqual(["Refund"]);
    expect(titles("cafe zurich")).toEqual(["Café in Zürich"]);
    expect(titles("track")).toEqual(["Lost parcel"]);
  });

  it("shows where, in the text that holds most of the words", () => {
    const { hits, mistyped } = searchConversations("tracking parcel", all);
    expect(mistyped).toBe(false);
    expect(hits[0]?.excerpt).toEqual({
      before: expect.stringMatching(/^….+send me the $/),
      word: "tracking",
      after: " number of the parcel.",
    });
  });

  it("helps over a slip of the finger, and says so", () => {
    const { hits, mistyped } = searchConversations("parcle monye", all);
    expect(hits.map((hit) => hit.conversation.title)).toEqual(["Refund"]);
    expect(mistyped).toBe(true);
  });

  it.each(["zebra", "parcel zebra", "???", "  "])("finds nothing for %j", (query) =>
    expect(titles(query)).toEqual([]),
  );
});
