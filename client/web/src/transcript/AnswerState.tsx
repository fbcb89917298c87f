import { RotateCw } from "lucide-react";
import { type Answer, waitingSentence } from "../../../sdk/index.ts";
import { useRegenerate } from "./use-regenerate.ts";

/** How an answer ended, where that was not simply well. */
export function AnswerState({ answer }: { answer: Answer }) {
  switch (answer.status) {
    case "streaming":
      return (
        !answer.text &&
        answer.expert && (
          <p className="aside" data-testid="waiting">
            {answer.ahead === null ? "Reading your message…" : waitingSentence(answer.ahead)}
          </p>
        )
      );
    case "complete":
      return null;
    case "stopped":
      return <p className="aside">Stopped.</p>;
    case "cut-off":
      return <p className="aside">Cut off here: the answer reached its length limit.</p>;
    case "interrupted":
      return (
        <Failure answer={answer} sentence="Interrupted: the server stopped while this was being written." />
      );
    case "failed":
      return <Failure answer={answer} sentence={answer.error?.message ?? "This answer failed."} />;
    default:
      return answer.status satisfies never;
  }
}

function Failure({ answer, sentence }: { answer: Answer; sentence: string }) {
  const regenerate = useRegenerate();
  return (
    <div className="failure" data-testid="failure">
      <p>{sentence}</p>
      <button type="button" className="button" onClick={() => regenerate(answer.id)} data-testid="try-again">
        <RotateCw size={15} aria-hidden />
        Try again
      </button>
    </div>
  );
}
