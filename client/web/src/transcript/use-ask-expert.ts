import { type Answer, siblings } from "../../../sdk/index.ts";
import { useAct } from "../controls/report.tsx";
import { useOpen } from "./open-context.ts";
import { useRegenerate } from "./use-regenerate.ts";

/** Has an expert answer the same question; shows the answer where that expert has given one already. */
export function useAskExpert(): (answer: Answer, expert: string) => void {
  const open = useOpen();
  const act = useAct();
  const regenerate = useRegenerate();
  return (answer, expert) => {
    const transcript = open.snapshot();
    const given = transcript
      ? siblings(transcript, answer).findLast(
          (other) => other.role === "assistant" && other.expert?.id === expert && other.text !== "",
        )
      : undefined;
    if (given) act(() => open.showBranch(given.id));
    else regenerate(answer.id, expert);
  };
}
