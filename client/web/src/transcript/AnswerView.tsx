import { memo, useState } from "react";
import type { Answer } from "../../../sdk/index.ts";
import { expertStyle } from "../chip/expert-style.ts";
import { RouteChip } from "../chip/RouteChip.tsx";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { Markdown } from "../markdown/Markdown.tsx";
import { VotePanel } from "../votes/VotePanel.tsx";
import { AnswerActions } from "./AnswerActions.tsx";
import { AnswerState } from "./AnswerState.tsx";
import { DroppedTurns } from "./DroppedTurns.tsx";
import type { Place } from "./SiblingArrows.tsx";

export const AnswerView = memo(function AnswerView({ answer, ...place }: { answer: Answer } & Place) {
  const experts = useKnownExperts();
  const [ratingId, setRatingId] = useState<string | null>(null);
  const rating = ratingId === answer.id;
  const setRating = (open: boolean) => setRatingId(open ? answer.id : null);
  const expert = answer.expert && experts.find(answer.expert.id, answer.expert.title);
  const running = answer.status === "streaming";

  return (
    <article
      className="turn answer expert"
      style={expertStyle(expert)}
      aria-label={expert ? `Answer from ${expert.title}` : "Answer"}
      aria-busy={running}
      data-testid="answer"
      data-status={answer.status}
      data-expert={expert?.id}
    >
      <div className="answer-by">
        <RouteChip answer={answer} />
      </div>
      <div className="answer-body">
        <DroppedTurns count={answer.droppedTurns} />
        <Markdown key={answer.id} text={answer.text} growing={running} />
        <AnswerState answer={answer} />
        {expert?.notice && (
          <p className="notice" data-testid="notice">
            {expert.notice}
          </p>
        )}
        {!running && <AnswerActions answer={answer} place={place} rating={rating} onRating={setRating} />}
        {rating && answer.vote && (
          <VotePanel
            key={`${answer.id} ${answer.vote.value}`}
            answerId={answer.id}
            vote={answer.vote}
            onClose={() => setRating(false)}
          />
        )}
      </div>
    </article>
  );
});
