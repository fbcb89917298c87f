export { type CatalogueModel, catalogue, defaultModel } from "./catalogue.ts";
export { sha256OfFile } from "./hash.ts";
export { type BaseModel, cachedPath, identifyModel, type OnProgress, resolveModel } from "./resolve.ts";
export { resolveSentenceEncoder, sentenceEncoder, sentenceEncoderPath } from "./sentence-encoder.ts";
