import type { LlamaModel } from "node-llama-cpp";

/*
 * Base models that were never tuned for chat carry no template. An adapter teaches them the turns, so what matters is that
 * the marks are single tokens of their vocabulary, the closing one among those that end a generation.
 */

/** https://github.com/openai/openai-python/blob/release-v0.28.0/chatml.md */
const CHATML =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** Gemma's turns know no system role: its text stands before the first question. https://ai.google.dev/gemma/docs/core/prompt-structure */
const GEMMA =
  "{{ bos_token }}{% set ns = namespace(system='') %}{% for message in messages %}{% if message['role'] == 'system' %}{% set ns.system = message['content'] + '\n\n' %}{% elif message['role'] == 'assistant' %}{{ '<start_of_turn>model\n' + message['content'] + '<end_of_turn>\n' }}{% else %}{{ '<start_of_turn>user\n' + ns.system + message['content'] + '<end_of_turn>\n' }}{% set ns.system = '' %}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";

/** The model's own chat template (Jinja), or the one whose marks its vocabulary has. */
export const chatTemplateOf = (model: LlamaModel): string =>
  model.fileInfo.metadata.tokenizer?.chat_template ??
  (model.tokenize("<start_of_turn>", true).length === 1 ? GEMMA : CHATML);
