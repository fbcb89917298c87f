/** So many words in a row, at every place where they stand. */
export function ngrams(words: readonly string[], size: number): string[] {
  const grams: string[] = [];
  for (let i = 0; i + size <= words.length; i++) grams.push(words.slice(i, i + size).join(" "));
  return grams;
}
