import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../config.ts";

/**
 * Whether a request may come from where it says. A page on another site can reach a server on loopback through the
 * visitor's browser: by its Origin it is told apart, and a name that was rebound to 127.0.0.1 by its Host.
 */
export const isAllowedOrigin = (headers: IncomingHttpHeaders, listeningOn: string): boolean =>
  isAllowedHost(headers, listeningOn) && !isElsewhere(headers);

export const isAllowedHost = ({ host = "" }: IncomingHttpHeaders, listeningOn: string): boolean =>
  !isLoopback(listeningOn) || isLoopback(hostnameOf(host));

/** Whether it is a page of another origin that asks. */
export const isElsewhere = ({ origin, host = "" }: IncomingHttpHeaders): boolean =>
  origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);

const hostnameOf = (host: string): string =>
  URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : "";
