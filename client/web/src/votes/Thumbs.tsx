import { ThumbsDown, ThumbsUp } from "lucide-react";
import type { Answer, Vote } from "../../../sdk/index.ts";
import { IconButton } from "../controls/IconButton.tsx";
import { useAct } from "../controls/report.tsx";
import { useOpen } from "../transcript/open-context.ts";
import "./votes.css";

interface Props {
  answer: Answer;
  rating: boolean;
  onRating(open: boolean): void;
}

/** One click is a vote and is saved at once; a second click on the same thumb takes it back. */
export function Thumbs({ answer, rating, onRating }: Props) {
  const open = useOpen();
  const act = useAct();
  const { vote } = answer;

  const press = (value: 1 | -1) => () =>
    act(async () => {
      if (vote?.value === value) {
        onRating(false);
        return open.retractVote(answer.id);
      }
      // The comment survives a change of mind; reasons and correction belong to the other thumb.
      await open.vote(answer.id, { value, comment: vote?.comment ?? "" });
      onRating(true);
    });

  return (
    <span className="thumbs">
      <IconButton
        icon={ThumbsUp}
        label={vote?.value === 1 ? "Good answer: take the vote back" : "Good answer"}
        aria-pressed={vote?.value === 1}
        onClick={press(1)}
        data-testid="vote-up"
      />
      <IconButton
        icon={ThumbsDown}
        label={vote?.value === -1 ? "Bad answer: take the vote back" : "Bad answer"}
        aria-pressed={vote?.value === -1}
        onClick={press(-1)}
        data-testid="vote-down"
      />
      {vote && !rating && (
        <button type="button" className="text-button" onClick={() => onRating(true)}>
          {hasDetails(vote) ? "Edit details" : "Say why"}
        </button>
      )}
    </span>
  );
}

const hasDetails = ({ reasons, comment, correction }: Vote): boolean =>
  reasons.length > 0 || comment !== "" || correction !== "";
