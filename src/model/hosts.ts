import { parseZonedIp } from "./address.ts";
import type { Address } from "./observation.ts";

/** An address of /etc/hosts, and the number of its line there. */
export interface HostsEntry extends Address {
  readonly line: number;
  /** How many other names stand on that line. */
  readonly others: number;
}

/** A name as it is compared: in lower case, without its final dot. */
export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, "");

/** The family of what Go takes for an address; undefined for anything else. */
export const familyOf = (text: string): Address["family"] | undefined => {
  if (parseZonedIp(text) === undefined) return undefined;
  return text.includes(":") ? 6 : 4;
};

/**
 * /etc/hosts as Go reads it (golang/go, net/hosts.go): lower-cased names without a final dot, each with its addresses in
 * the order of the file.
 */
export const parseHosts = (content: string): ReadonlyMap<string, readonly HostsEntry[]> => {
  const names = new Map<string, HostsEntry[]>();
  for (const [index, line] of content.split("\n").entries()) {
    const [address = "", ...aliases] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    const family = familyOf(address);
    if (family === undefined) continue;
    for (const alias of aliases) {
      const name = plainName(alias);
      // Whole block lists stand in some of these files: a name's list grows in place.
      const known = names.get(name) ?? [];
      known.push({ address, family, line: index + 1, others: aliases.length - 1 });
      names.set(name, known);
    }
  }
  return names;
};
