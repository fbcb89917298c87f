import { type ChatMessage, type PromptEncoder, withPromptEncoder } from "../../server/engines/index.ts";

const NAMES =
  "Ada Bruno Chloe Dmitri Elena Farid Greta Hugo Ines Jonas Kira Liam Mona Nils Olga Pedro Quinn Rosa Sven Tara Umar Vera Walid Xenia Yusuf Zoe Alma Boris Cleo Diego Edda Felix Gala Henk Irma Jorge Kofi Lotte Milan Nadia Oskar Petra Rana Simon Tessa Urs Vito Wanda".split(
    " ",
  );

const SENTENCES = [
  "The harbour was quiet in the morning and the boats had not come back yet.",
  "A letter lay on the table, and nobody knew who had brought it there.",
  "Two of the lamps in the hall were broken, so the guests waited outside.",
  "The train to the north was late again because of the snow on the bridge.",
  "Every spring the river took a piece of the garden with it.",
  "The old clock had stopped, and the baker opened his shop an hour late.",
];

export interface Prompt {
  messages: ChatMessage[];
  /** What the model reads: template and text. */
  tokens: number[];
  /** The same as text, with the template's marks. */
  text: string;
}

/**
 * Prompts of exactly `length` tokens, template included. They part at their first words (48 of them at the very first),
 * so that nobody can reuse what was read for somebody else.
 */
export function makePrompts(modelPath: string, count: number, length: number): Promise<Prompt[]> {
  return withPromptEncoder(modelPath, (encoder) =>
    Array.from({ length: count }, (_, index) => promptOf(encoder, index, length)),
  );
}

function promptOf(encoder: PromptEncoder, index: number, length: number): Prompt {
  const name = NAMES[index % NAMES.length];
  const friend = NAMES[(index + 1 + Math.floor(index / NAMES.length)) % NAMES.length];
  const sentences = SENTENCES.map((_, at) => SENTENCES[(at + index) % SENTENCES.length]);
  const words = `Tell a long story about ${name} and ${friend}. ${sentences.join(" ")}`.split(" ");
  const read = (): Prompt => {
    const messages: ChatMessage[] = [
      { role: "system", content: `${name} and ${friend} ask and you answer.` },
      { role: "user", content: words.join(" ") },
    ];
    const tokens = encoder.prompt(messages);
    return { messages, tokens, text: encoder.decode(tokens) };
  };
  while (words.length > 1 && read().tokens.length > length) words.pop();
  while (read().tokens.length < length) words.push("and");
  const prompt = read();
  if (prompt.tokens.length !== length)
    throw new Error(`no prompt of ${length} tokens could be made for this model's vocabulary`);
  return prompt;
}
