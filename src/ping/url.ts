import { Secret } from "../model/secret.ts";
import { printable } from "../model/text.ts";
import { toUrl } from "../model/url.ts";

/** `problem` completes "--ping-url holds no ping URL: …", and never repeats a part of it. */
export type ReadPingUrl =
  | { readonly ok: true; readonly url: Secret }
  | { readonly ok: false; readonly problem: string };

/** Characters; those of the services that are known have less than a hundred. */
const MAX_LENGTH = 2048;

/** What stands in examples for what was to be filled in. */
const PLACEHOLDER = /[<>{}$]|your-(?:uuid|ping-key)/i;

/** An endpoint of a check in place of the check: after a UUID only, since a slug may be called anything. */
const ENDPOINT = /\/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\/(start|fail|log|\d+)\/*$/i;

/** The URL under which a monitoring service takes pings. Whoever has it can ping too, so it is a secret from here on. */
export const parsePingUrl = (given: string): ReadPingUrl => {
  const refuse = (problem: string): ReadPingUrl => ({ ok: false, problem });
  const text = given.trim();
  if (text === "") return refuse("it is empty");
  if (text.length > MAX_LENGTH) return refuse(`it is longer than ${MAX_LENGTH} characters`);
  if (/\s/.test(text) || printable(text, MAX_LENGTH) !== text) return refuse("it holds a space or a control character");
  if (!/^https?:\/\//i.test(text)) return refuse("it begins with neither http:// nor https://");
  if (PLACEHOLDER.test(text)) return refuse("it holds a placeholder that was never replaced");
  const [authority = ""] = /(?<=:\/\/)[^/?#]*/.exec(text) ?? [];
  if (authority.includes("@")) return refuse("it holds a user or a password");
  if (authority === "" || authority.startsWith(":")) return refuse("it names no host");
  // What a browser would put right, other programs read otherwise.
  const url = toUrl(text);
  if (url === undefined || text.includes("\\") || /%(?![\da-f]{2})/i.test(text)) return refuse("it is no URL");
  const { hostname, port, pathname, href } = url;
  if (/^[\d.]+$/.test(hostname) && !authority.includes(hostname)) return refuse("its host is no whole address");
  if (port === "0") return refuse("its port is 0");
  if (text.includes("#")) return refuse("it has a fragment, which is never sent");
  const [, endpoint] = ENDPOINT.exec(pathname) ?? [];
  if (endpoint !== undefined) {
    const what = /^\d/.test(endpoint) ? "an exit code" : `/${endpoint.toLowerCase()}`;
    return refuse(`it ends in ${what}, which is added here: the URL of the check itself is wanted`);
  }
  return { ok: true, url: new Secret(href) };
};

/** What may be shown of it. */
export const pingHost = (url: Secret): string => printable(new URL(url.reveal()).hostname, 255);

/** Where each ping of a run goes. */
export interface PingUrls {
  readonly start: Secret;
  readonly end: (exitCode: number) => Secret;
}

/**
 * The endpoints of a check, `BASE/start` and `BASE/EXITCODE`, each with the run's id, by which the service knows them for
 * one run (https://healthchecks.io/docs/http_api/, https://healthchecks.io/docs/measuring_script_run_time/). Path and
 * query stay as they are: `create=1` makes a check on the first ping.
 *
 * @param runId a UUID, or the service refuses the ping
 */
export const pingUrls = (base: Secret, runId: string): PingUrls => {
  const { origin, pathname, search } = new URL(base.reveal());
  const kept = search
    .slice(1)
    .split("&")
    .filter((part) => part !== "" && !/^rid(?:=|$)/.test(part));
  const query = [...kept, `rid=${encodeURIComponent(runId)}`].join("&");
  const endpoint = (name: string): Secret => new Secret(`${origin}${pathname.replace(/\/+$/, "")}/${name}?${query}`);
  return { start: endpoint("start"), end: (exitCode) => endpoint(String(exitCode)) };
};
