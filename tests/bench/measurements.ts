import { decodeBesideTraining } from "./beside-training.ts";
import type { Measurement } from "./context.ts";
import { decode } from "./decode.ts";
import { mixedAdapters, sameAdapter } from "./eight-users.ts";
import { decodeBesideServer, decodeOnAllCores } from "./engine-decode.ts";
import { hotPlug } from "./hot-plug.ts";
import { hundredAdapters } from "./hundred-adapters.ts";
import { idleSockets } from "./idle-sockets.ts";
import { memoryPerAdapter } from "./memory.ts";
import { observeCost } from "./observe-cost.ts";
import { openAiApi } from "./openai-api.ts";
import { relayDelay } from "./relay-delay.ts";
import { relayOverLlamaServer } from "./relay-over-llama-server.ts";
import { routeTime } from "./route-time.ts";
import { socketToSocket } from "./socket-to-socket.ts";
import { stopLatency } from "./stop-latency.ts";
import { trainingSpeed } from "./training-speed.ts";
import { warmTurn } from "./warm-turn.ts";

/** Every figure of the bench, in the order in which they are measured. */
export const measurements: Measurement[] = [
  decode,
  decodeBesideServer,
  decodeOnAllCores,
  decodeBesideTraining,
  sameAdapter,
  mixedAdapters,
  warmTurn,
  hotPlug,
  stopLatency,
  socketToSocket,
  routeTime,
  openAiApi,
  observeCost,
  relayOverLlamaServer,
  relayDelay,
  idleSockets,
  memoryPerAdapter,
  hundredAdapters,
  trainingSpeed,
];

export const keysOf = ({ units }: Measurement): string[] => Object.keys(units);
