import type { Vote, VoteReason } from "../../../sdk/index.ts";

/** Every reason belongs to one thumb; the compiler sees to it that none is forgotten. */
const fits: Record<VoteReason, { value: Vote["value"]; label: string }> = {
  helpful: { value: 1, label: "Helpful" },
  clear: { value: 1, label: "Clear" },
  friendly: { value: 1, label: "Friendly" },
  wrong: { value: -1, label: "Wrong" },
  unhelpful: { value: -1, label: "Not helpful" },
  unsafe: { value: -1, label: "Unsafe" },
  "too-long": { value: -1, label: "Too long" },
  "off-topic": { value: -1, label: "Off topic" },
};

export const reasonsFor = (value: Vote["value"]): { reason: VoteReason; label: string }[] =>
  (Object.keys(fits) as VoteReason[])
    .filter((reason) => fits[reason].value === value)
    .map((reason) => ({ reason, label: fits[reason].label }));
