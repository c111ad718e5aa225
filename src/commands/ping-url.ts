import type { Secret } from "../model/secret.ts";
import { parsePingUrl } from "../ping/url.ts";
import type { Streams } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export const PING_VARIABLE = "CROWDSEC_PREFLIGHT_PING_URL";

/** The URL of `--ping-url` or the environment; undefined where there is none. It is never repeated in a message. */
export const readPingUrl = (given: string | undefined, environment: Streams["environment"]): Secret | undefined => {
  const text = given ?? environment[PING_VARIABLE];
  // Empty is how an environment file says that there is none.
  if (text === undefined || (given === undefined && text.trim() === "")) return undefined;
  const read = parsePingUrl(text);
  if (!read.ok)
    throw new UsageError(`${given === undefined ? PING_VARIABLE : "--ping-url"} holds no ping URL: ${read.problem}.`);
  return read.url;
};
