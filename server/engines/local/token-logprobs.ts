import type { LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import type { TokenLogprob } from "../../protocol/index.ts";

/** Tokens before that decide how a token is written. */
const HISTORY = 4;

/**
 * Says how likely tokens were that were sampled. The sampler shows its candidates after temperature and cuts, and no
 * grammar can be given where logits are shown: so a sequence that has read `before` and all but the last of `tokens`
 * reads them once more, as one batch, and ends where it was. Not while anything else uses the sequence.
 * @param tokens at least one
 * @param top how many of the likeliest tokens at each place
 */
export async function readLogprobs(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  before: Token[],
  tokens: Token[],
  top: number,
): Promise<TokenLogprob[]> {
  const history = [...before, ...tokens.slice(0, -1)];
  const from = before.length - 1;
  await sequence.adaptStateToTokens(history.slice(0, from), false);
  const output = await sequence.controlledEvaluate(
    history.slice(from).map((token, index) => {
      // Greedy, so that nothing is cut and the selected token is the likeliest. `includeTop` sorts the vocabulary.
      const filter = { tokens: [tokens[index] as Token], includeSelected: true, includeTop: top };
      return [
        token,
        { generateNext: { logits: { filter }, totalLogitWeight: true, options: { temperature: 0 } } },
      ];
    }) as Parameters<LlamaContextSequence["controlledEvaluate"]>[0],
  );
  return tokens.map((token, index) => {
    const { logits = new Map<Token, number>(), totalLogitWeight = Number.NaN } = output[index]?.next ?? {};
    const likeliest = [...logits].sort(([, one], [, other]) => other - one);
    // The weight is the sum of exp(logit - highest logit) over the vocabulary.
    const logTotal = (likeliest[0]?.[1] ?? Number.NaN) + Math.log(totalLogitWeight);
    const at = before.length + index;
    const textOf = (each: Token) => model.detokenize([each], false, history.slice(at - HISTORY, at));
    return {
      token: textOf(token),
      logprob: (logits.get(token) ?? Number.NaN) - logTotal,
      top: likeliest
        .slice(0, top)
        .map(([each, logit]) => ({ token: textOf(each), logprob: logit - logTotal })),
    };
  });
}
