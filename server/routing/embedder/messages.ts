/** What the router says to the process that embeds. */
export type ToEmbedder =
  | { type: "load"; modelPath: string; background: boolean }
  | { type: "embed"; id: number; texts: readonly string[] };

/** What that process says. Vectors have unit length and come in the order of the texts. */
export type FromEmbedder =
  | { type: "loaded"; dimensions: number }
  | { type: "load-failed"; message: string }
  | { type: "embedded"; id: number; vectors: Float32Array[] };
