import type { Kind } from "./redactor.ts";

/** Settings of a bouncer that are written Apache's way (https://docs.crowdsec.net/u/bouncers/apache_bouncer). */
const APACHE = /apache|httpd/i;

/** The first that fits speaks. */
const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/\/passwd-?$/, "accounts"],
  [/\.ya?ml(\.local)?$/, "yaml"],
  [/\.json(\.local)?$/, "json"],
  [/\.(service|socket|timer|path|mount|slice|target)$|\.(service|socket|timer)\.d\/[^/]*\.conf$/, "unit"],
  [/\/systemd\/(system|user)\.conf(\.d\/[^/]*\.conf)?$/, "unit"],
  [/\/(environment|default\/[^/]+|sysconfig\/[^/]+|conf\.d\/[^/.]+|rc\.conf(\.local)?)$/, "environment"],
  [/\.env$|\/environment\.d\/[^/]*\.conf$|\/environ$/, "environment"],
  [
    /\/((?:ana)?crontab|sudoers)$|\/(spool\/cron|sudoers\.d|cron\.[a-z]+|crontabs|init\.d)\/[^/]+$|\.(sh|bash|cron)$/,
    "arguments",
  ],
];

/** How a file is to be read, by its path. */
export const kindOf = (path: string): Kind => {
  if (/\/bouncers\/[^/]*\.conf(\.local)?$/.test(path))
    return APACHE.test(path.slice(path.lastIndexOf("/"))) ? "directives" : "settings";
  return KINDS.find(([pattern]) => pattern.test(path))?.[1] ?? "text";
};
