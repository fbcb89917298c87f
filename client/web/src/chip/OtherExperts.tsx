import { Pin, PinOff } from "lucide-react";
import type { Answer } from "../../../sdk/index.ts";
import type { ExpertInfo } from "../connection/experts.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { IconButton } from "../controls/IconButton.tsx";
import { useConversationList } from "../conversations/conversations-context.ts";
import { useOpen } from "../transcript/open-context.ts";
import { useRegenerate } from "../transcript/use-regenerate.ts";
import { expertStyle } from "./expert-style.ts";
import { Jack } from "./Jack.tsx";
import { usePin } from "./use-pin.ts";

interface Props {
  answer: Answer;
  expert: ExpertInfo;
  onDone(): void;
}

/** Who else could answer this turn, and who should answer all of them. */
export function OtherExperts({ answer, expert, onDone }: Props) {
  const open = useOpen();
  const regenerate = useRegenerate();
  const pin = usePin(open.id);
  const pinned = useConversationList().find(open.id)?.pinned ?? null;
  const experts = useKnownExperts();
  const others = experts.all.filter(({ id }) => id !== expert.id);

  const answerWith = (id: string) => {
    onDone();
    regenerate(answer.id, id);
  };
  const always = (id: string) => {
    onDone();
    pin(id);
  };

  return (
    <div className="chip-others">
      <ul className="chip-list" aria-label="Other experts">
        {others.map((other) => (
          <li key={other.id} className="expert" style={expertStyle(other)}>
            <button
              type="button"
              className="chip-other"
              disabled={answer.status === "streaming"}
              onClick={() => answerWith(other.id)}
              data-testid={`answer-with-${other.id}`}
            >
              <Jack size={18} />
              Answer with {other.title}
            </button>
            {other.id !== pinned && (
              <IconButton
                icon={Pin}
                label={`Always use ${other.title} here`}
                onClick={() => always(other.id)}
              />
            )}
          </li>
        ))}
      </ul>
      {pinned === null && experts.has(expert.id) && (
        <button type="button" className="chip-other" onClick={() => always(expert.id)} data-testid="pin">
          <Pin size={16} aria-hidden />
          Always use {expert.title} here
        </button>
      )}
      {pinned !== null && (
        <button type="button" className="chip-other" onClick={() => always("auto")} data-testid="unpin">
          <PinOff size={16} aria-hidden />
          Back to automatic
        </button>
      )}
    </div>
  );
}
