import net, { type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A TCP proxy in front of a server: a connection to it that can be cut and mended. */
export class Cable {
  readonly #proxy: net.Server;
  readonly #ends = new Set<Socket>();
  #isCut = false;

  /** @param rewrite the head of each request that opens a connection, as somebody in between or another client would send it */
  static async to(serverUrl: string, rewrite = (head: string) => head): Promise<Cable> {
    const cable = new Cable(Number(new URL(serverUrl).port), rewrite);
    await new Promise<void>((resolve) => cable.#proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      cable.cut();
      cable.#proxy.close();
    });
    return cable;
  }

  private constructor(port: number, rewrite: (head: string) => string) {
    this.#proxy = net.createServer((near) => {
      if (this.#isCut) {
        near.destroy();
        return;
      }
      const far = net.connect(port, "127.0.0.1");
      near.once("data", (head) => {
        far.write(rewrite(head.toString("latin1")), "latin1");
        near.pipe(far).pipe(near);
      });
      for (const end of [near, far]) this.#keep(end);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#isCut = true;
    for (const end of this.#ends) end.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  #keep(end: Socket): void {
    this.#ends.add(end);
    end.on("close", () => this.#ends.delete(end)).on("error", () => end.destroy());
  }
}
