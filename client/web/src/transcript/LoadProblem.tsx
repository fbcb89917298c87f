import type { PatchbayError } from "../../../sdk/index.ts";
import { sentenceOf } from "../controls/sentence-of.ts";

export function LoadProblem({ problem }: { problem: PatchbayError }) {
  const gone = problem.code === "not-found";
  return (
    <div className="load-problem" role="alert">
      <h2>{gone ? "This conversation is not here" : "The conversation could not be loaded"}</h2>
      <p className="muted">
        {gone ? "It may have been deleted, or it belongs to somebody else." : sentenceOf(problem)}
      </p>
    </div>
  );
}
