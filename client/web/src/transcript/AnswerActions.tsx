import { RotateCw } from "lucide-react";
import type { Answer, RouteCorrection } from "../../../sdk/index.ts";
import { CopyButton } from "../controls/CopyButton.tsx";
import { IconButton } from "../controls/IconButton.tsx";
import { WrongExpert } from "../corrections/WrongExpert.tsx";
import { Thumbs } from "../votes/Thumbs.tsx";
import { type Place, SiblingArrows } from "./SiblingArrows.tsx";
import { useRegenerate } from "./use-regenerate.ts";

interface Props {
  answer: Answer;
  correction: RouteCorrection | null;
  place: Place;
  rating: boolean;
  onRating(open: boolean): void;
  correcting: boolean;
  onCorrecting(open: boolean): void;
}

export function AnswerActions({ answer, correction, place, ...panels }: Props) {
  const { rating, onRating, correcting, onCorrecting } = panels;
  const regenerate = useRegenerate();
  // Those offer "Try again" in words.
  const failed = answer.status === "failed" || answer.status === "interrupted";
  return (
    <div className="answer-actions" role="toolbar" aria-label="Answer">
      {answer.text && <CopyButton text={answer.text} label="Copy the answer" />}
      {!failed && (
        <IconButton
          icon={RotateCw}
          label="Write another answer"
          onClick={() => regenerate(answer.id)}
          data-testid="regenerate"
        />
      )}
      <SiblingArrows {...place} what="answer" />
      {answer.text && <Thumbs answer={answer} rating={rating} onRating={onRating} />}
      <WrongExpert answer={answer} correction={correction} open={correcting} onOpen={onCorrecting} />
    </div>
  );
}
