import { expertStyle } from "../chip/expert-style.ts";
import { Jack } from "../chip/Jack.tsx";
import type { ExpertInfo } from "../connection/experts.ts";

/** One expert's place in the bay: its jack, and a cable down to the questions that lead to it. */
export function Bay({ expert, onAsk }: { expert: ExpertInfo; onAsk(question: string): void }) {
  return (
    <li className="bay expert" style={expertStyle(expert)}>
      <div className="bay-head">
        <span className="bay-jack">
          <Jack size={36} />
        </span>
        <div className="bay-text">
          <h2>{expert.title}</h2>
          <p>{expert.description}</p>
        </div>
      </div>
      <ul className="bay-questions">
        {expert.examples.map((question) => (
          <li key={question}>
            <button type="button" onClick={() => onAsk(question)} data-testid="example">
              {question}
            </button>
          </li>
        ))}
      </ul>
    </li>
  );
}
