/** Sizes that both ends know, so that a client can warn before the server refuses. */
export const limits = {
  /** Characters in one message. */
  messageChars: 16_000,
  titleChars: 120,
  commentChars: 4_000,
  /** Bytes of one socket event or HTTP body. */
  eventBytes: 128 * 1024,
  /** Bytes of one request to the OpenAI-compatible API, whose callers send the whole conversation each time. */
  apiBytes: 1024 * 1024,
  /** Answers one person may have running or waiting at once. */
  runningTurnsPerUser: 8,
  /** The same for a caller of the API, who may stand for many people. */
  runningCompletionsPerCaller: 64,
  /** Answers to one request of the API. */
  choices: 8,
} as const;
