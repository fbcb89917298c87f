/**
 * What somebody types to train an adapter, or all of them, for a base model.
 * @param what an id, or `--all`
 * @param model as the model that runs was asked for; undefined: the default
 */
export const trainCommand = (what: string, model: string | undefined): string =>
  `npx patchbay adapters train ${what}${model === undefined ? "" : ` --model ${quoted(model)}`}`;

/** For a shell, where it has to be. */
const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
