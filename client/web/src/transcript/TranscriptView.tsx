import { useMemo } from "react";
import {
  type Answer,
  activeBranch,
  type RouteCorrection,
  siblings,
  type Transcript,
} from "../../../sdk/index.ts";
import { AnswerView } from "./AnswerView.tsx";
import { QuestionView } from "./QuestionView.tsx";

/**
 * The branch that is shown, from the first question to the newest answer. A place in it keeps its element when another
 * sibling is shown there, and with it the keyboard's focus on the arrows.
 */
export function TranscriptView({ transcript }: { transcript: Transcript }) {
  const branch = useMemo(() => activeBranch(transcript), [transcript]);
  return (
    <ol className="transcript" aria-label="Messages">
      {branch.map((message) => {
        const beside = siblings(transcript, message);
        const index = beside.indexOf(message);
        const place = {
          index,
          of: beside.length,
          previousId: beside[index - 1]?.id ?? null,
          nextId: beside[index + 1]?.id ?? null,
        };
        return (
          <li key={`${message.parentId} ${message.role}`}>
            {message.role === "user" ? (
              <QuestionView question={message} {...place} />
            ) : (
              <AnswerView answer={message} correction={correctionOf(transcript, message)} {...place} />
            )}
          </li>
        );
      })}
    </ol>
  );
}

/** It is of the question, and so of every answer to it. */
function correctionOf(transcript: Transcript, answer: Answer): RouteCorrection | null {
  const question = transcript.messages.get(answer.parentId ?? "");
  return question?.role === "user" ? question.routeCorrection : null;
}
