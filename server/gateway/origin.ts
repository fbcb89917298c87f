import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../config.ts";

/** A page on another site can reach a server on loopback through its visitor's browser by a name rebound to 127.0.0.1. */
export const isAllowedHost = ({ host = "" }: IncomingHttpHeaders, listeningOn: string): boolean =>
  !isLoopback(listeningOn) || isLoopback(hostnameOf(host));

/** Whether it is a page of another origin that asks. */
export const isElsewhere = ({ origin, host = "" }: IncomingHttpHeaders): boolean =>
  origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);

const hostnameOf = (host: string): string =>
  URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : "";
