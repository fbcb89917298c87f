export { evaluationFileStem, Manifest, VersionCard, versionFileStem } from "./adapter-files.ts";
export {
  type AdapterChanges,
  changesBetween,
  changesInWords,
  pluggedInWords,
  rejectedInWords,
} from "./changes.ts";
export { type Prompt, readPrompt } from "./prompt.ts";
export {
  type Adapter,
  type AdapterVersion,
  currentCard,
  type RunningBase,
  readAdapter,
  readCards,
  readManifest,
  readVersion,
  versionNamed,
} from "./read-adapter.ts";
export { adapterFolder, adapterFolders, Registry, type RegistryOptions, type Rejected } from "./registry.ts";
export { trainCommand } from "./train-command.ts";
export { FolderWatcher } from "./watch.ts";
