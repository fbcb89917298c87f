import { usePatchbay } from "./patchbay-context.ts";
import { StartingLine } from "./StartingLine.tsx";
import "./connection.css";

/** What stands between the reader and the server right now; nothing while all is well. */
export function ConnectionLine() {
  const { connection, health } = usePatchbay();
  return (
    <div className="connection" role="status">
      {health?.status === "starting" ? <StartingLine health={health} /> : <Trouble {...connection} />}
    </div>
  );
}

function Trouble({ status, refusal }: ReturnType<typeof usePatchbay>["connection"]) {
  if (status !== "offline") return null;
  if (refusal)
    return (
      <p className="connection-line" data-testid="connection-line">
        {refusal.message} {refusal.hint}
      </p>
    );
  return (
    <p className="connection-line" data-testid="connection-line">
      Connection lost, trying again…
    </p>
  );
}
