import type { ExpertInfo } from "../connection/experts.ts";
import { CopyButton } from "../controls/CopyButton.tsx";

/** Says that no adapter was in use, and what would make one. */
export function PromptAlone({ expert }: { expert: ExpertInfo }) {
  return (
    <div className="chip-reason" data-testid="prompt-alone">
      <p>No adapter fits the model that runs: the base model answered under this expert’s prompt alone.</p>
      {expert.train !== null && (
        <>
          <p className="muted">Train one with</p>
          <div className="chip-command">
            <code>{expert.train}</code>
            <CopyButton text={expert.train} label="Copy the command" />
          </div>
        </>
      )}
    </div>
  );
}
