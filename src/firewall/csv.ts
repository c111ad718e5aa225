import { type AllowList, isIn, isOut, type OutRule } from "./rule.ts";
import { FLAG, oneLine, placeOf, remarks, titleOf, WHO } from "./words.ts";

const COLUMNS = ["direction", "protocol", "source", "destination", "address", "port", "component", "why", "stable"];

/** RFC 4180; and what a spreadsheet would take for a formula is marked as text, with the apostrophe that it knows. */
const cell = (text: string): string => {
  const clean = oneLine(text);
  const safe = /^[=+\-@]/.test(clean) ? `'${clean}` : clean;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** `yes`, `no`, and whose they are. */
const isStable = ({ stable, behind }: OutRule): string => {
  if (stable === "own-dns") return "as your DNS says";
  return behind === undefined ? stable : `${stable}: ${behind}`;
};

/** One row for each protocol and address. What else has to be known stands in rows of direction `note`: CSV has no comments. */
export const csv = (list: AllowList): string => {
  const own = (family: number | undefined): string =>
    list.sources
      .flatMap((source) => (family === undefined || source.family === family ? [source.address] : []))
      .join(" ");
  const out = list.rules.filter(isOut).flatMap((rule) => {
    const addresses = rule.addresses.length > 0 ? rule.addresses : [undefined];
    return rule.protocols.flatMap((protocol) =>
      addresses.map((address) => [
        "out",
        protocol,
        own(address?.family),
        placeOf(rule),
        address?.address ?? "",
        String(rule.port),
        rule.components.join(" "),
        rule.why,
        isStable(rule),
      ]),
    );
  });
  const inbound = list.rules.filter(isIn).flatMap((rule) => {
    const sources = rule.from.length > 0 ? rule.from : [`${WHO[rule.clients]} (${FLAG[rule.clients]})`];
    const addresses = rule.addresses.length > 0 ? rule.addresses : list.sources;
    const at = addresses.map(({ address }) => address).join(" ");
    const port = String(rule.port);
    return sources.map((source) => ["in", "tcp", source, list.host, at, port, rule.components.join(" "), rule.why, ""]);
  });
  const proxied = list.proxied.map(({ name, port, proxy, components, why }) => [
    "proxy",
    "tcp",
    proxy,
    name,
    "",
    String(port),
    components.join(" "),
    why,
    "",
  ]);
  const notes = [titleOf(list), ...remarks(list)].map((text) => ["note", "", "", "", "", "", "", text, ""]);
  return [COLUMNS, ...out, ...inbound, ...proxied, ...notes].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
};
