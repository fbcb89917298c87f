import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Config } from "./config.ts";
import { PatchbayError } from "./protocol/index.ts";

/** The port that it listens on. @throws {PatchbayError} `port-taken`, `bad-request` */
export function listen(http: HttpServer, { host, port }: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      const hint = taken
        ? `Stop the other program or choose another port: PORT=${port + 1} npx patchbay serve`
        : "Check HOST and PORT.";
      reject(
        taken
          ? new PatchbayError("port-taken", `Port ${port} on ${host} is taken.`, { hint })
          : new PatchbayError("bad-request", `Cannot listen on ${host}:${port}: ${error.message}.`, { hint }),
      );
    });
    http.listen(port, host, () => resolve((http.address() as AddressInfo).port));
  });
}
