export { type AnswerText, answerTextFor } from "./answer-text.ts";
export { toJson } from "./ask.ts";
export { expertNamed } from "./expert-named.ts";
export { interactiveChat } from "./interactive.ts";
export { promptAloneSentence } from "./prompt-alone-sentence.ts";
export { terminalSession } from "./session.ts";
export { type Style, styleFor } from "./style.ts";
