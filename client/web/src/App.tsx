import type { PatchbayClient } from "../../sdk/index.ts";
import { type Patchbay, PatchbayProvider } from "./connection/patchbay-context.ts";
import { SignIn } from "./connection/SignIn.tsx";
import { useConnection } from "./connection/use-connection.ts";
import { useExperts } from "./connection/use-experts.ts";
import { useHealth } from "./connection/use-health.ts";
import { useSession } from "./connection/use-session.ts";
import { ReportProvider } from "./controls/report.tsx";
import { Shell } from "./shell/Shell.tsx";
import { Wordmark } from "./shell/Wordmark.tsx";

export function App() {
  const { session, signIn } = useSession();
  switch (session.phase) {
    case "opening":
    case "unreachable":
      return <Opening problem={session.phase === "unreachable" ? session.error.message : null} />;
    case "signed-out":
      return <SignIn onKey={signIn} />;
    case "open":
      return <Connected client={session.client} signIn={signIn} />;
    default:
      return session satisfies never;
  }
}

function Opening({ problem }: { problem: string | null }) {
  return (
    <main className="opening">
      <Wordmark />
      <p className="muted" role="status">
        {problem && `${problem} Trying again…`}
      </p>
    </main>
  );
}

function Connected({ client, signIn }: { client: PatchbayClient; signIn(key: string): Promise<void> }) {
  const connection = useConnection(client);
  const health = useHealth(client, connection.status);
  const experts = useExperts(client);
  if (connection.refusal?.code === "not-signed-in") return <SignIn onKey={signIn} />;

  const patchbay: Patchbay = { client, connection, health, experts };
  return (
    <PatchbayProvider value={patchbay}>
      <ReportProvider>
        <Shell />
      </ReportProvider>
    </PatchbayProvider>
  );
}
