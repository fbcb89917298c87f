import { X } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useId, useState } from "react";
import { limits, type Vote, type VoteReason } from "../../../sdk/index.ts";
import { IconButton } from "../controls/IconButton.tsx";
import { useAct } from "../controls/report.tsx";
import { useReturnFocus } from "../controls/use-return-focus.ts";
import { useOpen } from "../transcript/open-context.ts";
import { reasonsFor } from "./reasons.ts";

interface Props {
  answerId: string;
  vote: Vote;
  onClose(): void;
}

/** More about a vote that is already saved; all of it optional. */
export function VotePanel({ answerId, vote, onClose }: Props) {
  const open = useOpen();
  const act = useAct();
  useReturnFocus();
  const id = useId();
  const [reasons, setReasons] = useState<readonly VoteReason[]>(vote.reasons);
  const [comment, setComment] = useState(vote.comment);
  const [correction, setCorrection] = useState(vote.correction);

  const save = (event: FormEvent) => {
    event.preventDefault();
    act(async () => {
      await open.vote(answerId, { value: vote.value, reasons: [...reasons], comment, correction });
      onClose();
    });
  };
  const toggle = (reason: VoteReason) =>
    setReasons(reasons.includes(reason) ? reasons.filter((other) => other !== reason) : [...reasons, reason]);

  return (
    <form
      className="panel vote-panel"
      onSubmit={save}
      onKeyDown={(event: KeyboardEvent) => event.key === "Escape" && onClose()}
      aria-labelledby={`${id}-title`}
      data-testid="vote-panel"
    >
      <div className="panel-top">
        <h3 id={`${id}-title`}>
          {vote.value === 1 ? "Saved. What was good about it?" : "Saved. What was wrong with it?"}
        </h3>
        <IconButton icon={X} label="Close" onClick={onClose} />
      </div>
      <div className="panel-choices">
        {reasonsFor(vote.value).map(({ reason, label }) => (
          <button
            key={reason}
            type="button"
            className="vote-reason"
            aria-pressed={reasons.includes(reason)}
            onClick={() => toggle(reason)}
          >
            {label}
          </button>
        ))}
      </div>
      <label htmlFor={`${id}-comment`}>Comment</label>
      <textarea
        id={`${id}-comment`}
        className="field"
        value={comment}
        maxLength={limits.commentChars}
        onChange={(event) => setComment(event.target.value)}
        data-testid="vote-comment"
      />
      {vote.value === -1 && (
        <>
          <label htmlFor={`${id}-correction`}>The answer you would have wanted</label>
          <textarea
            id={`${id}-correction`}
            className="field"
            value={correction}
            maxLength={limits.messageChars}
            onChange={(event) => setCorrection(event.target.value)}
            data-testid="vote-correction"
          />
        </>
      )}
      <div className="vote-panel-bottom">
        <button type="submit" className="button button-primary" data-testid="vote-save">
          Save details
        </button>
      </div>
    </form>
  );
}
