import type { Answer } from "../../../sdk/index.ts";
import { count, duration, price, rate } from "../controls/format.ts";

export function ChipFigures({ answer }: { answer: Answer }) {
  return (
    <dl className="chip-figures">
      {figures(answer).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="tabular">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function figures({ expert, decision, timings, tokens, cost }: Answer): [name: string, value: string][] {
  const rows: [string, string][] = [["Adapter", expert?.version ?? withoutAdapter(expert)]];
  if (expert?.remote) rows.push(["Answered by", `${expert.remote.model} on ${expert.remote.engine}`]);
  if (decision) rows.push(["Router", decision.head]);
  if (timings) {
    rows.push(["Routed in", duration(timings.routeMs)]);
    if (timings.firstTokenMs !== null) rows.push(["First word after", duration(timings.firstTokenMs)]);
    rows.push(["Finished after", duration(timings.totalMs)]);
  }
  if (tokens) {
    rows.push(["Tokens read", `${count(tokens.prompt)}, ${count(tokens.cached)} from cache`]);
    rows.push(["Tokens written", count(tokens.completion) + pace(tokens.completion, timings)]);
  }
  if (cost !== null) rows.push(["Cost", price(cost)]);
  return rows;
}

/** An expert that answers elsewhere may have its system prompt there and nothing more. */
const withoutAdapter = (expert: Answer["expert"]): string =>
  expert?.remote && expert.id !== "base" ? "none, its prompt alone" : "none";

function pace(completion: number, timings: Answer["timings"]): string {
  const writingMs = timings?.firstTokenMs != null ? timings.totalMs - timings.firstTokenMs : 0;
  return completion > 1 && writingMs > 0 ? `, ${rate(completion - 1, writingMs)} a second` : "";
}
