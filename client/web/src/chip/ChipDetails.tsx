import { type Answer, isPromptAlone } from "../../../sdk/index.ts";
import type { ExpertInfo } from "../connection/experts.ts";
import { ChipFigures } from "./ChipFigures.tsx";
import { ChipReason } from "./ChipReason.tsx";
import { Jack } from "./Jack.tsx";
import { OtherExperts } from "./OtherExperts.tsx";
import { PromptAlone } from "./PromptAlone.tsx";

interface Props {
  answer: Answer;
  expert: ExpertInfo;
  onDone(): void;
}

/** Everything about one routing decision: why, how fast, and who else could answer. */
export function ChipDetails({ answer, expert, onDone }: Props) {
  return (
    <>
      <div className="chip-head">
        <Jack size={22} plugged />
        <div>
          <h2>{expert.title}</h2>
          {expert.description && <p className="muted">{expert.description}</p>}
        </div>
      </div>
      {answer.expert && isPromptAlone(answer.expert) && <PromptAlone expert={expert} />}
      {answer.decision && <ChipReason decision={answer.decision} />}
      <ChipFigures answer={answer} />
      <OtherExperts answer={answer} expert={expert} onDone={onDone} />
    </>
  );
}
