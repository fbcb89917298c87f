import { type Database, streamVotes } from "../../db/index.ts";
import { Snapshot } from "./snapshot.ts";

interface ChatTurn {
  role: string;
  content: string;
}

/** A row of TRL's unpaired preference format, as KTOTrainer loads it: https://huggingface.co/docs/trl/kto_trainer */
export interface KtoRow {
  prompt: ChatTurn[];
  completion: ChatTurn[];
  label: boolean;
}

/** What one vote teaches: the answer as it was, and the answer the person wanted instead. */
export function ktoRows(
  snapshot: Pick<Snapshot, "messages" | "answer">,
  value: 1 | -1,
  correction: string,
): KtoRow[] {
  const row = (content: string, label: boolean): KtoRow => ({
    prompt: snapshot.messages,
    completion: [{ role: "assistant", content }],
    label,
  });
  const judged = row(snapshot.answer, value === 1);
  return correction === "" ? [judged] : [judged, row(correction, true)];
}

/** Every vote as KTO rows, read one by one. `adapter` narrows to answers of one expert. */
export async function* exportKto(db: Database, adapter?: string): AsyncGenerator<KtoRow> {
  for await (const vote of streamVotes(db)) {
    const snapshot = Snapshot.parse(JSON.parse(vote.payloadJson));
    if (adapter === undefined || snapshot.expert.id === adapter)
      yield* ktoRows(snapshot, vote.value, vote.correction);
  }
}
