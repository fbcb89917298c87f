const wholePercent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const twoDigits = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const tenth = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A share from 0 to 1. No probability is shown as impossible or, short of 1, as certain: 0.998 is "99%". */
export function percent(share: number): string {
  if (share > 0 && share < 0.005) return "<1%";
  return wholePercent.format(share < 1 ? Math.min(share, 0.99) : share);
}

export const count = (number: number): string => whole.format(number);

export const duration = (ms: number): string =>
  ms < 1_000 ? `${whole.format(ms)} ms` : `${tenth.format(ms / 1_000)} s`;

export const rate = (amount: number, ms: number): string => tenth.format(amount / (ms / 1_000));

/** In whatever currency the engine's price is given. */
export const price = (amount: number): string => twoDigits.format(amount);
