import { memo, useState } from "react";
import type { Answer, RouteCorrection } from "../../../sdk/index.ts";
import { CloseCall } from "../chip/CloseCall.tsx";
import { expertStyle } from "../chip/expert-style.ts";
import { RouteChip } from "../chip/RouteChip.tsx";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { WrongExpertPanel } from "../corrections/WrongExpertPanel.tsx";
import { Markdown } from "../markdown/Markdown.tsx";
import { VotePanel } from "../votes/VotePanel.tsx";
import { AnswerActions } from "./AnswerActions.tsx";
import { AnswerState } from "./AnswerState.tsx";
import { DroppedTurns } from "./DroppedTurns.tsx";
import type { Place } from "./SiblingArrows.tsx";

interface Props extends Place {
  answer: Answer;
  /** What this person says of the question's expert. */
  correction: RouteCorrection | null;
}

type Panel = "rating" | "correcting";

export const AnswerView = memo(function AnswerView({ answer, correction, ...place }: Props) {
  const experts = useKnownExperts();
  const [shown, setShown] = useState<{ id: string; panel: Panel } | null>(null);
  const panel = shown?.id === answer.id ? shown.panel : null;
  const show = (which: Panel) => (open: boolean) => setShown(open ? { id: answer.id, panel: which } : null);
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
        {!running && <CloseCall answer={answer} />}
        {!running && (
          <AnswerActions
            answer={answer}
            correction={correction}
            place={place}
            rating={panel === "rating"}
            onRating={show("rating")}
            correcting={panel === "correcting"}
            onCorrecting={show("correcting")}
          />
        )}
        {panel === "correcting" && (
          <WrongExpertPanel
            answer={answer}
            correction={correction}
            onClose={() => show("correcting")(false)}
          />
        )}
        {panel === "rating" && answer.vote && (
          <VotePanel
            key={`${answer.id} ${answer.vote.value}`}
            answerId={answer.id}
            vote={answer.vote}
            onClose={() => show("rating")(false)}
          />
        )}
      </div>
    </article>
  );
});
