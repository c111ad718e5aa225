import { posix } from "node:path";
import type { Trust } from "../model/observation.ts";
import { type ConfigFile, deniedWords, type LapiRoute, type Malformed, type Sourced } from "../model/topology.ts";
import { readUrl } from "../model/url.ts";

export const NO_TRUST: Trust = { caFiles: [], only: false, skipVerify: false };

/** Files of a client's TLS settings as it names them; a relative one is looked for in /, its working directory. */
export const trustWith = (
  { ca, cert, key }: Readonly<Record<"ca" | "cert" | "key", string | undefined>>,
  rest: Pick<Trust, "only" | "skipVerify">,
): Trust => {
  const absolute = (path: string): string => posix.resolve("/", path);
  return {
    caFiles: ca === undefined ? [] : [absolute(ca)],
    ...rest,
    ...(cert !== undefined &&
      key !== undefined && { certificate: { certFile: absolute(cert), keyFile: absolute(key) } }),
  };
};

/** Why these files tell nothing to this user; undefined when they could be read. */
export const hiddenBy = (files: readonly ConfigFile[]): string | undefined => {
  const denied = files.find(({ state }) => state === "denied");
  return denied && deniedWords(denied);
};

/** Before an @ may stand a password, and behind a = too. */
const MAY_HOLD_A_SECRET = /[@=]|.{61}/;

/** What may be shown of a value that is no address. */
export const shownOf = ({ value, origin }: Sourced<string>): Sourced<string> => ({
  value: MAY_HOLD_A_SECRET.test(value) ? "[secret]" : value,
  origin,
});

export const sourcedUrl = ({ value, origin }: Sourced<string>): Sourced<string> | Malformed => {
  const read = readUrl(value);
  return read.ok ? { value: read.url, origin } : { malformed: { value: read.shown, origin }, problem: read.problem };
};

/** A client's way to the Local API: a URL, or the absolute path of a unix socket (CrowdSec since 1.6.1). */
export const routeOf = (url: Sourced<string>, trust: Trust): LapiRoute | Malformed => {
  if (url.value.startsWith("/"))
    return { url: { value: "http://unix/", origin: url.origin }, socket: url.value, trust };
  const read = sourcedUrl(url);
  return "malformed" in read ? read : { url: read, trust };
};
