import { wrap } from "../model/text.ts";
import { type AllowList, isIn, isOut } from "./rule.ts";
import { FLAG, oneLine, placeOf, portOf, remarks, stability, titleOf, WHO } from "./words.ts";

const NARROWEST = 40;
/** Of `udp+tcp/53`. */
const PORT_COLUMNS = 10;
const INDENT = " ".repeat(PORT_COLUMNS + 4);

/** For people: what goes out, what comes in, what a proxy has to reach, and what else there is to know. */
export const table = (list: AllowList, terminal: number): string => {
  const width = Math.max(terminal, NARROWEST);
  const paragraph = (text: string, indent = INDENT): string[] =>
    wrap(oneLine(text), width - indent.length).map((line) => `${indent}${line}`);
  /** The last cell moves to a line of its own where the terminal is too narrow for it. */
  const row = (port: string, place: string, columns: number, last: string): string[] => {
    const line = `  ${port.padEnd(PORT_COLUMNS)}  ${place.padEnd(columns)}  ${oneLine(last)}`.trimEnd();
    return line.length <= width ? [line] : [`  ${port.padEnd(PORT_COLUMNS)}  ${place}`, ...paragraph(last)];
  };
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ["", title, ...lines];
  const addresses = (all: readonly { readonly address: string }[]): string =>
    all.map(({ address }) => address).join(" ");
  /** As wide as the longest place, as long as the last cells find room beside it. */
  const placeColumns = (places: readonly string[], lasts: readonly string[]): number => {
    const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));
    return Math.min(longest(places), Math.max(0, width - INDENT.length - 2 - longest(lasts)));
  };

  const outs = list.rules.filter(isOut);
  const outColumns = placeColumns(outs.map(placeOf), outs.map(stability));
  const out = outs.flatMap((rule) => [
    ...row(portOf(rule), placeOf(rule), outColumns, stability(rule)),
    ...(rule.name === undefined ? [] : paragraph(addresses(rule.addresses) || `no address: ${rule.unresolved}`)),
    ...paragraph(`${rule.components.join(", ")}: ${rule.why}${rule.optional ? " (optional)" : ""}`),
  ]);
  const inbound = list.rules.filter(isIn).flatMap((rule) => {
    const at = rule.addresses.length > 0 ? `at ${addresses(rule.addresses)}` : "at every address";
    const from = rule.from.length > 0 ? rule.from.join(" ") : `${WHO[rule.clients]} (${FLAG[rule.clients]} CIDR)`;
    return [
      ...row(portOf(rule), at, at.length, ""),
      ...paragraph(`from ${from}`),
      ...paragraph(`${rule.components.join(", ")}: ${rule.why}`),
    ];
  });
  const proxyColumns = placeColumns(
    list.proxied.map(({ name }) => name),
    list.proxied.map(({ proxy }) => `by ${proxy}`),
  );
  const proxied = list.proxied.flatMap(({ name, port, proxy, components, why, optional }) => [
    ...row(`tcp/${port}`, name, proxyColumns, `by ${proxy}`),
    ...paragraph(`${components.join(", ")}: ${why}${optional ? " (optional)" : ""}`),
  ]);
  const from = addresses(list.sources);
  return [
    ...paragraph(titleOf(list), ""),
    ...section(`Outgoing${from === "" ? "" : `, from ${from}`}`, out),
    ...section("Inbound", inbound),
    ...section("Not from here but from the proxy, by name", proxied),
    "",
    ...remarks(list).flatMap((text) => {
      const [first = "", ...more] = wrap(oneLine(text), width - 2);
      return [`- ${first}`, ...more.map((line) => `  ${line}`)];
    }),
    "",
  ].join("\n");
};
