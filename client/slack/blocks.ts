import type { types } from "@slack/bolt";
import { endingOf, expertLine } from "../bridge/index.ts";
import type { Answer, PatchbayError } from "../sdk/index.ts";
import { escaped } from "./text.ts";

type KnownBlock = types.KnownBlock;

export const VOTE_ACTION = "patchbay_vote";

const context = (...lines: string[]): KnownBlock => ({
  type: "context",
  elements: [{ type: "mrkdwn", text: lines.join("\n") }],
});

/** What stands below an answer: who gave it, how it ended, and the thumbs. */
export function blocksBelow(
  answer: Answer,
  notice: string | null,
  thumbs: "feedback" | "buttons",
): KnownBlock[] {
  const ending = endingOf(answer);
  const lines = [
    expertLine(answer) && `:electric_plug: ${escaped(expertLine(answer))}`,
    ending && `:warning: ${escaped(ending)}`,
    notice && escaped(notice),
  ].filter((line): line is string => Boolean(line));
  return [...(lines.length > 0 ? [context(...lines)] : []), ...(answer.text ? [thumbsBlock(thumbs)] : [])];
}

export const failureBlocks = ({ message, hint }: PatchbayError): KnownBlock[] => [
  context(`:warning: ${escaped(message)}${hint ? ` ${escaped(hint)}` : ""}`),
];

/** Feedback buttons where the workspace has them, else plain ones. Both send the action {@link VOTE_ACTION}. */
function thumbsBlock(thumbs: "feedback" | "buttons"): KnownBlock {
  if (thumbs === "feedback")
    return {
      type: "context_actions",
      elements: [
        {
          type: "feedback_buttons",
          action_id: VOTE_ACTION,
          positive_button: { text: { type: "plain_text", text: "Good answer" }, value: "1" },
          negative_button: { text: { type: "plain_text", text: "Bad answer" }, value: "-1" },
        },
      ],
    };
  return {
    type: "actions",
    elements: [
      button("👍", "Good answer", "1"),
      // Ids within a block differ.
      { ...button("👎", "Bad answer", "-1"), action_id: `${VOTE_ACTION}_down` },
    ],
  };
}

const button = (face: string, label: string, value: string) =>
  ({
    type: "button",
    action_id: VOTE_ACTION,
    text: { type: "plain_text", text: face },
    accessibility_label: label,
    value,
  }) as const;
