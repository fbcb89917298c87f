import { usePatchbay } from "../connection/patchbay-context.ts";
import { Bay } from "./Bay.tsx";
import "./bay.css";

/** The first page: every expert that is plugged in, as a jack with something to ask it. */
export function PatchBay({ onAsk }: { onAsk(question: string): void }) {
  const { experts } = usePatchbay();
  return (
    <div className="patch-bay" data-testid="patch-bay">
      <h1>Ask anything. Whoever knows best is patched through.</h1>
      {experts && (
        <ul className="bays">
          {experts.plugged.map((expert) => (
            <Bay key={expert.id} expert={expert} onAsk={onAsk} />
          ))}
        </ul>
      )}
    </div>
  );
}
