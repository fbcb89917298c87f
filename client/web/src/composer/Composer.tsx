import { ArrowUp, Square } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef } from "react";
import { useAct } from "../controls/report.tsx";
import { CharacterCount } from "./CharacterCount.tsx";
import { COMPOSER_ID, focusComposer } from "./focus-composer.ts";
import type { ComposerState } from "./use-composer.ts";
import "./composer.css";

interface Props {
  composer: ComposerState;
  /** Given while the newest answer is being written. */
  onStop: (() => Promise<void>) | null;
}

export function Composer({ composer, onStop }: Props) {
  const { text, setText, sending, problem, submit } = composer;
  const act = useAct();
  const field = useRef<HTMLTextAreaElement>(null);
  const id = useId();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another text has another height.
  useLayoutEffect(() => {
    if (field.current) fitHeight(field.current);
  }, [text]);

  useEffect(focusComposer, []);

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    field.current?.focus();
    if (!onStop) submit();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Enter also ends the composition of a Japanese or Chinese word.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (!onStop) submit();
  };

  return (
    <form className="composer" onSubmit={onSubmit} aria-label="Message">
      {problem && (
        <p
          id={`${id}-problem`}
          className="composer-problem problem"
          role="alert"
          data-testid="composer-problem"
        >
          {problem}
        </p>
      )}
      <div className="composer-box">
        <textarea
          ref={field}
          id={COMPOSER_ID}
          rows={1}
          value={text}
          readOnly={sending}
          placeholder="Ask anything"
          aria-label="Message"
          aria-describedby={`${id}-problem ${id}-count`}
          enterKeyHint="send"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          data-testid="composer"
        />
        {onStop ? (
          <button
            type="button"
            className="composer-button"
            aria-label="Stop"
            title="Stop"
            onClick={() => act(onStop)}
            data-testid="stop"
          >
            <Square size={14} fill="currentColor" aria-hidden />
          </button>
        ) : (
          <button
            type="submit"
            className="composer-button"
            aria-label="Send"
            title="Send"
            disabled={!text.trim() || sending}
            data-testid="send"
          >
            <ArrowUp size={18} aria-hidden />
          </button>
        )}
      </div>
      <CharacterCount id={`${id}-count`} length={text.trim().length} />
    </form>
  );
}

/** Grows with its text; composer.css sets the most. */
function fitHeight(field: HTMLTextAreaElement): void {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
