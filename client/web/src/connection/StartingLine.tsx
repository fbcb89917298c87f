import type { Health } from "../../../sdk/index.ts";
import { percent } from "../controls/format.ts";

export function StartingLine({ health }: { health: Extract<Health, { status: "starting" }> }) {
  const { step, progress, error } = health;
  if (error)
    return (
      <p className="connection-line connection-failed" data-testid="connection-line">
        {error.message} {error.hint}
      </p>
    );
  return (
    <div className="connection-line" data-testid="connection-line">
      <p className="connection-step">
        <span>The server is starting: {step}</span>
        {progress !== null && <span className="tabular">{percent(progress)}</span>}
      </p>
      <progress aria-label={step} {...(progress !== null && { value: progress })} />
    </div>
  );
}
