import { text } from "./html.ts";

export interface Level {
  name: string;
  loss: number;
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 240, 60, 32, 8];
/** Steps around each that its mean is taken over, as a share of the curve. */
const WINDOW = 0.1;

/**
 * A loss curve over its steps with its moving mean, as an SVG.
 * @param curve one step at least
 * @param steps where the axis ends; the last step where it is not given
 * @param levels losses to compare with, as lines across
 */
export function lossCurve(
  curve: readonly { step: number; loss: number }[],
  { steps = curve.at(-1)?.step ?? 1, levels = [] }: { steps?: number; levels?: readonly Level[] } = {},
): string {
  const losses = [...curve, ...levels].map(({ loss }) => loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const x = (step: number) => LEFT + ((step - 1) / Math.max(1, steps - 1)) * (WIDTH - LEFT - 4);
  const y = (loss: number) => TOP + ((high - loss) / Math.max(1e-9, high - low)) * (HEIGHT - BOTTOM - TOP);
  const smooth = curve.map(
    ({ step }, index) => `${x(step).toFixed(1)},${y(meanAround(curve, index)).toFixed(1)}`,
  );
  const dots = curve.map(
    ({ step, loss }) =>
      `<circle cx="${x(step).toFixed(1)}" cy="${y(loss).toFixed(1)}" r="2" fill="var(--soft)"/>`,
  );
  const lines = levels.map(({ name, loss }) => {
    const at = y(loss).toFixed(1);
    // Above its line, or below it where there is no room.
    const words = y(loss) < 30 ? y(loss) + 20 : y(loss) - 6;
    return `<line x1="${LEFT}" x2="${WIDTH - 4}" y1="${at}" y2="${at}" stroke="var(--soft)" stroke-dasharray="4 4"/><text class="level" x="${WIDTH - 4}" y="${words.toFixed(1)}" text-anchor="end">${text(name)} ${loss.toFixed(3)}</text>`;
  });
  return `<svg class="curve" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Training loss by step">${dots.join("")}${lines.join("")}<polyline points="${smooth.join(" ")}" fill="none" stroke="var(--good)" stroke-width="2"/><text x="0" y="20">${high.toFixed(2)}</text><text x="0" y="${HEIGHT - BOTTOM}">${low.toFixed(2)}</text><text x="${LEFT}" y="${HEIGHT - 6}">step 1</text><text x="${WIDTH - 4}" y="${HEIGHT - 6}" text-anchor="end">${steps}</text></svg>`;
}

/** Over a window that is as wide to the left as to the right, so that the mean neither lags nor leads. */
function meanAround(curve: readonly { loss: number }[], index: number): number {
  const wanted = Math.max(2, Math.round((curve.length * WINDOW) / 2));
  const reach = Math.min(wanted, index, curve.length - 1 - index);
  const around = curve.slice(index - reach, index + reach + 1);
  return around.reduce((sum, { loss }) => sum + loss, 0) / around.length;
}
