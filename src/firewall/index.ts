import { csv } from "./csv.ts";
import { firewalld } from "./firewalld.ts";
import { nft } from "./nft.ts";
import type { AllowList } from "./rule.ts";
import { squid } from "./squid.ts";
import { table } from "./table.ts";
import { ufw } from "./ufw.ts";

export { allowList, lackingNames, type Seen, unknownNames } from "./allow-list.ts";
export type { AllowList } from "./rule.ts";
export { rangeOf } from "./words.ts";

/** Every format by its name; only the table cares how wide the terminal is. */
export const formats = { table, csv, nft, ufw, firewalld, squid } as const satisfies Record<
  string,
  (list: AllowList, columns: number) => string
>;
export type FirewallFormat = keyof typeof formats;
export const FIREWALL_FORMATS = Object.keys(formats) as readonly FirewallFormat[];

/** Those whose rules are by address: a name without one is shut off by them. */
const BY_ADDRESS: ReadonlySet<FirewallFormat> = new Set(["nft", "ufw", "firewalld"]);
export const isByAddress = (format: FirewallFormat): boolean => BY_ADDRESS.has(format);
