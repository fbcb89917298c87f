import { duration } from "../duration.ts";
import { change, number, page, percent, table, text } from "../pages/html.ts";
import { type Level, lossCurve } from "../pages/loss-curve.ts";
import type { RunProgress } from "./progress.ts";

export interface RunFacts {
  adapter: string;
  base: string;
}

const REFRESH_SECONDS = 3;

/** How a training run goes, as a page that looks for news by itself until the run is over. */
export function runPage({ adapter, base }: RunFacts, progress: RunProgress): string {
  const { phase, curve, latest, heldOut, startedAt, updatedAt } = progress;
  const running = !["finished", "stopped", "failed"].includes(phase.is);
  const share = latest ? latest.step / latest.steps : 0;
  const body = `<h1>${text(adapter)} <small>trained for ${text(base)}</small></h1>
<p class="lead">${text(inWords(progress))}</p>
<div class="bar" role="progressbar" aria-label="Steps done" aria-valuenow="${Math.round(share * 100)}" aria-valuemin="0" aria-valuemax="100"><div style="width:${percent(share)}"></div></div>
${curve.length > 0 && latest ? `<h2>Loss</h2>\n<p>Of each step that taught answers, and its moving mean; across, that of the held-out answers.</p>\n${lossCurve(curve, { steps: latest.steps, levels: levels(heldOut) })}` : ""}
<h2>Figures</h2>
${table(["", ""], figures(progress))}
<p class="quiet">${startedAt && updatedAt ? `Begun ${moment(startedAt)}, last news ${moment(updatedAt)}.` : ""}${running ? ` This page looks for news every ${REFRESH_SECONDS} seconds.` : ""}</p>`;
  const refresh = running ? `<meta http-equiv="refresh" content="${REFRESH_SECONDS}">\n` : "";
  return page(`${running ? `${Math.round(share * 100)}% ` : ""}${adapter}`, STYLE, body, refresh);
}

const STYLE = `
.bar { height: .5rem; border-radius: .25rem; background: var(--line); overflow: hidden; } .bar div { height: 100%; background: var(--good); }
th:empty { display: none; } td:last-child { white-space: nowrap; padding-right: 0; } svg .level { fill: var(--soft); }
`;

function inWords({ phase, latest, heldOut: { base, adapter } }: RunProgress): string {
  switch (phase.is) {
    case "loading":
      return "Loading PyTorch and the base model.";
    case "measuring the base model":
      return "Measuring the base model on the held-out answers.";
    case "training":
      return latest
        ? `Step ${latest.step} of ${latest.steps}, ${duration(latest.etaSeconds)} of training left.`
        : "Training begins.";
    case "measuring the adapter":
      return "Trained. Measuring the adapter and comparing it with the served model.";
    case "finished":
      return base !== null && adapter !== null
        ? `Finished: the held-out loss went from ${number(base)} to ${number(adapter)} (${change(adapter / base - 1)}).`
        : "Finished.";
    case "stopped":
      return phase.step > 0
        ? `Stopped after step ${phase.step}, where it can go on.`
        : "Stopped before its first step.";
    case "failed":
      return `Failed: ${phase.message}`;
    default:
      return phase satisfies never;
  }
}

function levels({ base, adapter }: RunProgress["heldOut"]): Level[] {
  return [
    ...(base === null ? [] : [{ name: "held out, base", loss: base }]),
    ...(adapter === null ? [] : [{ name: "held out, adapter", loss: adapter }]),
  ];
}

function figures({
  phase,
  latest,
  heldOut: { base, adapter },
}: RunProgress): [name: string, value: string][] {
  return [
    ["held-out loss of the base model", base === null ? "–" : number(base)],
    ["held-out loss of the adapter", adapter === null ? "–" : number(adapter)],
    ...(latest
      ? ([
          ["steps", `${latest.step} of ${latest.steps}`],
          ["epoch", latest.epoch.toFixed(2)],
          ["loss of the last step", number(latest.loss)],
          ["learning rate", latest.learningRate.toExponential(1)],
          ["tokens a second", latest.tokensPerSecond.toFixed(0)],
        ] as [string, string][])
      : []),
    ...(phase.is === "finished"
      ? ([["same likeliest token when served", `${percent(phase.sameTop)} of ${phase.tokens}`]] as [
          string,
          string,
        ][])
      : []),
  ];
}

/** Day and time in UTC, the same wherever it is looked at. */
const moment = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
