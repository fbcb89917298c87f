import { describe, expect, it } from "vitest";
import { agrees, compareScores } from "../../server/learning/parity.ts";

describe("the served model", () => {
  // Of trained adapters, as measured (docs/log.md).
  it("agrees with a right adapter, whose figures part by rounding alone", () => {
    expect(agrees({ sameClearTop: 1, meanDifference: 0.03 })).toBe(true);
    expect(agrees({ sameClearTop: 1, meanDifference: 0.07 })).toBe(true);
  });

  it("does not agree with one whose permutation was forgotten, or whose scale is double", () => {
    expect(agrees({ sameClearTop: 0.995, meanDifference: 0.12 })).toBe(false);
    expect(agrees({ sameClearTop: 0.83, meanDifference: 0.63 })).toBe(false);
    expect(agrees({ sameClearTop: 0.94, meanDifference: 0.07 })).toBe(false);
  });
});

describe("the comparison with the trained model", () => {
  const reference = (lead: number[]) => [
    { id: "a", tokens: [5, 6], logProbabilities: [-1, -2], top: [5, 7], lead },
  ];
  const served = (top: number) => [
    [
      { token: 5, logProbability: -1.1, top: 5 },
      { token: 6, logProbability: -1.95, top },
    ],
  ];

  it("tells turned close calls from turned clear leads", () => {
    const close = compareScores(reference([2, 0.1]), served(6));
    expect(close).toMatchObject({ tokens: 2, sameTop: 0.5, clearTokens: 1, sameClearTop: 1 });
    expect(close.meanDifference).toBeCloseTo(0.075);
    expect(compareScores(reference([2, 2]), served(6)).sameClearTop).toBe(0.5);
  });

  it("takes no harm where the trained model leads nowhere", () => {
    const parity = compareScores(reference([0.1, 0.1]), served(7));
    expect(parity).toMatchObject({ clearTokens: 0, sameClearTop: 1 });
    expect(agrees(parity)).toBe(true);
  });

  it("refuses rows of other tokens", () => {
    const other = [[{ token: 9, logProbability: -1, top: 9 }]];
    expect(() => compareScores(reference([1, 1]), other)).toThrow("Row a has other tokens");
  });
});
