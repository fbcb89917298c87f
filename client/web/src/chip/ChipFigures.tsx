import type { Answer } from "../../../sdk/index.ts";
import { count, duration, rate } from "../controls/format.ts";

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

function figures({ expert, decision, timings, tokens }: Answer): [name: string, value: string][] {
  const rows: [string, string][] = [["Adapter", expert?.version ?? "none"]];
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
  return rows;
}

function pace(completion: number, timings: Answer["timings"]): string {
  const writingMs = timings?.firstTokenMs != null ? timings.totalMs - timings.firstTokenMs : 0;
  return completion > 1 && writingMs > 0 ? `, ${rate(completion - 1, writingMs)} a second` : "";
}
