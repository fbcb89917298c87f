import { memo } from "react";
import type { Question } from "../../../sdk/index.ts";
import { type Place, SiblingArrows } from "./SiblingArrows.tsx";

export const QuestionView = memo(function QuestionView({
  question,
  ...place
}: { question: Question } & Place) {
  return (
    <article className="turn question" aria-label="You asked" data-testid="question">
      <p className="question-text">{question.text}</p>
      <SiblingArrows {...place} what="question" />
    </article>
  );
});
