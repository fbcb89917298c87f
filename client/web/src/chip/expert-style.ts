import type { CSSProperties } from "react";
import type { ExpertInfo } from "../connection/experts.ts";

/** Gives an element of class `expert` its colour; tokens.css derives text, tint and line from it. */
export const expertStyle = (expert: ExpertInfo | null): CSSProperties =>
  ({ "--expert": expert?.colour ?? "var(--base-model)" }) as CSSProperties;
