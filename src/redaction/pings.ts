import { lineBefore, type Span } from "./spans.ts";
import { isNoSecret, percentDecoded } from "./values.ts";

/*
 * Whoever has the address of a monitor's check can ping it too, and whoever has that of a channel can write there. The host stays,
 * since it tells where a ping was to go.
 *
 * No expression here may take more than a bounded number of steps for a place at which it begins: what is read comes from
 * outside.
 */

/** A UUID that is taken out by this rule is looked for in all texts, whoever wrote it. */
export const PINGED = "address that is pinged";
const OF_ADDRESS = "UUID in an address";

const UUID = "[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}";
const IS_UUID = new RegExp(`^${UUID}$`, "i");
export const isUuid = (value: string): boolean => IS_UUID.test(value);

/** A slash, as JSON and addresses within addresses write it too. */
const SLASH = "(?:\\\\{0,7}\\/|%2F)";
/** What stands between two of them. */
const SEGMENT = "(?:(?!%2F|%3F|%23)[\\w.~%=:+$@-]){1,300}";

/** Services by their documentation, with the part of the path that is the key, which comes last. */
const SERVICES: readonly (readonly [string, string])[] = [
  // https://healthchecks.io/docs/http_api/: a check's UUID, or a project's ping key before a slug.
  ["hc-ping\\.com", `(?:ping${SLASH})?(${SEGMENT})`],
  // https://cronitor.io/docs/telemetry-api: the account's key before a monitor's.
  ["cronitor\\.link", `(?:(?:p|ping)${SLASH})?(${SEGMENT})`],
  // https://betterstack.com/docs/uptime/cron-and-heartbeat-monitor/
  ["(?:\\w{1,20}\\.)?(?:betterstack|betteruptime)\\.com", `api${SLASH}v\\d${SLASH}heartbeat${SLASH}(${SEGMENT})`],
  // https://deadmanssnitch.com/docs
  ["nosnch\\.in", `(${SEGMENT})`],
  // https://uptimerobot.com/cron-job-monitoring/
  ["heartbeat\\.uptimerobot\\.com", `(${SEGMENT})`],
  // https://www.checklyhq.com/docs/heartbeat-checks/
  ["ping\\.checklyhq\\.com", `(${SEGMENT})`],
  // https://docs.sentry.io/product/crons/getting-started/http/
  ["(?:[\\w-]{1,40}\\.){0,3}sentry\\.io", `api${SLASH}\\d{1,20}${SLASH}cron${SLASH}${SEGMENT}${SLASH}(${SEGMENT})`],
  // https://docs.ntfy.sh/publish/: a topic is as good as a password.
  ["ntfy\\.sh", `(?!(?:docs|app|static|account|settings|login|signup|file|v1|_matrix)(?![\\w-]))(${SEGMENT})`],
  // https://help.victorops.com/knowledge-base/rest-endpoint-integration-guide/
  ["alert\\.victorops\\.com", `integrations${SLASH}generic${SLASH}\\d{1,12}${SLASH}alert${SLASH}(${SEGMENT})`],
  // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
  ["hooks\\.slack(?:-gov)?\\.com", `(?:services|workflows|triggers)${SLASH}(${SEGMENT}(?:${SLASH}${SEGMENT}){0,4})`],
  // https://discord.com/developers/docs/resources/webhook#execute-webhook
  [
    "(?:\\w{1,20}\\.)?discord(?:app)?\\.com",
    `api${SLASH}(?:v\\d{1,2}${SLASH})?webhooks${SLASH}(${SEGMENT}(?:${SLASH}${SEGMENT})?)`,
  ],
  // https://core.telegram.org/bots/api#making-requests
  ["api\\.telegram\\.org", `(?:file${SLASH})?bot(${SEGMENT})`],
];
/** With or without a scheme before it: curl guesses one. */
const ADDRESSED: readonly RegExp[] = SERVICES.map(
  ([host, path]) => new RegExp(`(?:(?<![\\w.-])|(?<=%2F))${host}(?::\\d{1,5}|%3A\\d{1,5})?${SLASH}{1,2}${path}`, "gi"),
);

/** What stands before a key where anybody runs such a service; of the first two it is one whatever it looks like. */
const SELF_HOSTED: readonly (readonly [RegExp, boolean])[] = [
  // Uptime Kuma (server/routers/api-router.js of https://github.com/louislam/uptime-kuma).
  [new RegExp(`${SLASH}api${SLASH}push${SLASH}(${SEGMENT})`, "gi"), true],
  // A Bot API of one's own: https://core.telegram.org/bots/api#using-a-local-bot-api-server
  [new RegExp(`${SLASH}(?:file${SLASH})?bot(\\d{6,12}(?::|%3A)[\\w-]{30,64})`, "gi"), true],
  [
    new RegExp(
      `(?:${SLASH}(?:ping|push|heartbeats?|check-?ins?|snitch|integrations${SLASH}v\\d${SLASH}[\\w-]{1,40})){1,3}${SLASH}(${SEGMENT})`,
      "gi",
    ),
    false,
  ],
];
const UUIDS = new RegExp(`(?:\\/|%2F)(${UUID})(?![\\w-])`, "gi");

/** Documentation, sources and packages, CrowdSec's own: what is in their paths is public. */
const PUBLIC =
  /(?:^|\.)(?:crowdsec\.net|github\.com|github\.io|githubusercontent\.com|ghcr\.io|gitlab\.com|bitbucket\.org|codeberg\.org|debian\.org|ubuntu\.com|launchpad\.net|launchpadcontent\.net|fedoraproject\.org|centos\.org|redhat\.com|rockylinux\.org|almalinux\.org|alpinelinux\.org|archlinux\.org|opensuse\.org|suse\.com|freebsd\.org|opnsense\.org|openwrt\.org|kernel\.org|packagecloud\.io|docker\.io|quay\.io|pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|golang\.org|go\.dev|wikipedia\.org)$|^(?:docs?|wiki|apt|deb|yum|rpm|packages?|pkgs?|repos?|mirrors?|archives?|downloads?|pypi|registry)\./i;
/** Lines that name where packages come from (sources.list(5), dnf.conf(5), pip's configuration). */
const SOURCE =
  /^[\s#]{0,8}(?:deb(?:-src)?\s|URIs\s*:|(?:baseurl|mirrorlist|metalink|gpgkey|index-url|extra-index-url|find-links)\s*=)|(?:^|\s)(?:--(?:extra-)?index-url|--find-links)[\s=]+\S*$/i;

const MAX_BEFORE = 1000;
const OUTSIDE = new Set("\"'`<>=(,".split(""));

interface Address {
  /** `undefined`: a path alone. */
  readonly host: string | undefined;
  readonly scheme: string | undefined;
}

/** What address a part of a path belongs to; undefined where it is of a file, of a query, or of what is public. */
const addressBefore = (text: string, at: number): Address | undefined => {
  let from = at;
  while (from > 0 && at - from < MAX_BEFORE) {
    const char = text[from - 1] ?? "";
    if (char <= " " || OUTSIDE.has(char)) break;
    from -= 1;
  }
  const before = text
    .slice(from, at)
    .replace(/%3A/gi, ":")
    .replace(/%2F/gi, "/")
    .replace(/\\{1,7}\//g, "/");
  const slashes = before.lastIndexOf("://");
  const scheme =
    slashes < 0 ? undefined : /[a-z][a-z\d+.-]{0,30}$/i.exec(before.slice(Math.max(0, slashes - 32), slashes))?.[0];
  const rest = slashes < 0 ? before : before.slice(slashes + 3);
  if (/[?#]/.test(rest)) return undefined;
  if (rest === "") return { host: undefined, scheme: undefined };
  const authority = rest.slice(0, rest.indexOf("/") < 0 ? rest.length : rest.indexOf("/"));
  const host = authority.slice(authority.lastIndexOf("@") + 1).replace(/:\d{0,5}$/, "");
  if (scheme === undefined && !/^(?:localhost|[\w-]+(?:\.[\w-]+)+)$/i.test(host)) return undefined;
  if (PUBLIC.test(host)) return undefined;
  const line = Math.max(lineBefore(text, from) + 1, from - 400);
  return SOURCE.test(text.slice(line, from + 1)) ? undefined : { host, scheme };
};

/** Nothing of words, numbers and dates, as the names of checks and the titles of pages are. */
const isKey = (value: string): boolean =>
  isUuid(value) ||
  (/^[\w-]{16,200}$/.test(value) &&
    !value.split(/[_-]/).every((piece) => /^(?:[A-Za-z]?[a-z]*|[A-Z]+|\d{1,8})$/.test(piece)));

/** A variable of a shell, a specifier of systemd, an example's place: `$UUID`, `%i`, `your-uuid`. */
const FILLED_IN = /^(?:\$\w*|%\w|your[-_].*)$/i;

/** Of a match whose last group ends it. */
const spansOf = (match: RegExpMatchArray, rule: string): readonly Span[] => {
  const found = match[1] ?? "";
  const raw = found.replace(/[.:,=]+$/, "");
  if (raw === "" || FILLED_IN.test(raw) || isNoSecret(raw) || /^(.)\1*$/.test(raw.replaceAll("-", ""))) return [];
  const start = (match.index ?? 0) + match[0].length - found.length;
  const value = percentDecoded(raw);
  const aliases = value === raw ? {} : { aliases: [raw] };
  return [{ start, end: start + raw.length, value, ...aliases, rule, write: (standIn) => standIn }];
};

/** `OnFailure=ping@UUID.service`: a template that pings whatever it is an instance of. */
const INSTANCE = new RegExp(`\\bOn(?:Failure|Success)\\s{0,4}=[^\\n]{0,400}?@(${UUID})(?=\\.service)`, "gi");

/** What is secret in the paths of addresses that are pinged, or written to. */
export const pings = (text: string): readonly Span[] => [
  ...ADDRESSED.flatMap((pattern) => [...text.matchAll(pattern)].flatMap((match) => spansOf(match, PINGED))),
  ...SELF_HOSTED.flatMap(([pattern, isAlways]) =>
    [...text.matchAll(pattern)].flatMap((match) =>
      (isAlways || isKey(match[1] ?? "")) && addressBefore(text, match.index) ? spansOf(match, PINGED) : [],
    ),
  ),
  ...[...text.matchAll(UUIDS)].flatMap((match) =>
    /^https?$/i.test(addressBefore(text, match.index)?.scheme ?? "") ? spansOf(match, OF_ADDRESS) : [],
  ),
  ...[...text.matchAll(INSTANCE)].flatMap((match) => spansOf(match, PINGED)),
];
