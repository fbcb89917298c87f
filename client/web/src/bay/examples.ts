/** Two questions that show what each of the experts that come along is for. Other adapters have none. */
const questions: Readonly<Record<string, readonly string[]>> = {
  support: [
    "I was charged twice for one order. How do I get my money back?",
    "My parcel is a week late. What can I do?",
  ],
  health: ["How long does a common cold last?", "How much water should I drink in hot weather?"],
  education: ["Why is 3 + 4 × 2 not 14?", "Explain photosynthesis with an example."],
  base: ["Why does water boil sooner on a mountain?", "Write two lines about the sea."],
  entertainment: ["What film fits a rainy evening?", "Suggest a party game for six people."],
};

export const examplesFor = (adapterId: string): readonly string[] => questions[adapterId] ?? [];
