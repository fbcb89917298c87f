import { Undo2, X } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import type { Answer, RouteCorrection } from "../../../sdk/index.ts";
import { expertStyle } from "../chip/expert-style.ts";
import { Jack } from "../chip/Jack.tsx";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { IconButton } from "../controls/IconButton.tsx";
import { useAct } from "../controls/report.tsx";
import { useReturnFocus } from "../controls/use-return-focus.ts";
import { useOpen } from "../transcript/open-context.ts";
import { useAskExpert } from "../transcript/use-ask-expert.ts";

interface Props {
  answer: Answer;
  correction: RouteCorrection | null;
  onClose(): void;
}

/** One click says who should have answered, teaches the router, and has that expert answer. */
export function WrongExpertPanel({ answer, correction, onClose }: Props) {
  const open = useOpen();
  const act = useAct();
  const ask = useAskExpert();
  const experts = useKnownExperts();
  useReturnFocus();
  const id = useId();
  const panel = useRef<HTMLElement>(null);
  // The keyboard goes on inside, and Escape is heard.
  useEffect(() => panel.current?.focus(), []);
  const choices = experts.all.filter(
    (expert) => expert.id !== answer.expert?.id || expert.id === correction?.expert,
  );

  const correct = (expert: string) =>
    act(async () => {
      await open.correctRoute(answer.id, expert);
      onClose();
      if (expert !== answer.expert?.id) ask(answer, expert);
    });
  const takeBack = () =>
    act(async () => {
      await open.retractRoute(answer.id);
      onClose();
    });

  return (
    <section
      ref={panel}
      tabIndex={-1}
      className="panel wrong-expert-panel"
      onKeyDown={(event: KeyboardEvent) => event.key === "Escape" && onClose()}
      aria-labelledby={`${id}-title`}
      data-testid="wrong-expert-panel"
    >
      <div className="panel-top">
        <h3 id={`${id}-title`}>Who should have answered?</h3>
        <IconButton icon={X} label="Close" onClick={onClose} />
      </div>
      <div className="panel-choices">
        {choices.map((expert) => (
          <button
            key={expert.id}
            type="button"
            className="wrong-expert-choice expert"
            style={expertStyle(expert)}
            aria-pressed={expert.id === correction?.expert}
            onClick={() => correct(expert.id)}
            data-testid={`belongs-to-${expert.id}`}
          >
            <Jack size={18} plugged={expert.id === correction?.expert} />
            {expert.id === "base" ? "None of them" : expert.title}
          </button>
        ))}
      </div>
      <div className="wrong-expert-bottom">
        <p className="muted">
          {correction?.setAside
            ? "The router was rolled back to before it learnt this. Choose again to have it count."
            : "Your choice answers now, and the router learns from it."}
        </p>
        {correction && (
          <button type="button" className="text-button" onClick={takeBack} data-testid="correction-retract">
            <Undo2 size={15} aria-hidden />
            Take it back
          </button>
        )}
      </div>
    </section>
  );
}
