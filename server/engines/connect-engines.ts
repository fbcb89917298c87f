import { defaultOrder, type EnginesFile, LOCAL } from "../engines-file.ts";
import type { RemoteContext } from "./connect-remote.ts";
import type { Engine } from "./engine.ts";
import { EngineOrder } from "./engine-order.ts";
import type { LocalEngine } from "./local/engine.ts";
import type { RemoteEngine } from "./remote/remote-engine.ts";

/**
 * The engine for everything: the model on this machine and those of the engines file in their order, or it alone where
 * there is no such file.
 */
export async function connectEngines(
  local: LocalEngine,
  file: EnginesFile | null,
  context: RemoteContext & { domains: readonly string[] },
): Promise<{ engine: Engine; remotes: RemoteEngine[] }> {
  if (!file) return { engine: local, remotes: [] };
  // Not above: the clients of remote servers are of use to few.
  const { connectRemote } = await import("./connect-remote.ts");
  for (const domain of Object.keys(file.order))
    if (domain !== "default" && !context.domains.includes(domain))
      context.onLog(`the engines file has an order for "${domain}", which no adapter is called`);
  const remotes = Object.entries(file.engines).map(([name, entry]) => connectRemote(name, entry, context));
  const members = [
    {
      name: LOCAL,
      engine: local,
      isReady: () => local.unavailable === null && local.health().waiting < file.saturatedAt,
    },
    ...remotes.map((engine) => ({ name: engine.name, engine, isReady: () => engine.isReady })),
  ];
  const order = { default: defaultOrder(file), domains: new Map(Object.entries(file.order)) };
  return { engine: new EngineOrder(members, order, context.onLog), remotes };
}
