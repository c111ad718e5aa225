import { expect, test } from "@jest/globals";
import { csv } from "../../src/firewall/csv.ts";
import { crowdsecWith, cscliWith } from "../support/topology.ts";
import { LISTENING, listOf } from "./lists.ts";

/** A reader by RFC 4180. */
const read = (text: string): readonly (readonly string[])[] => {
  expect(text.endsWith("\r\n")).toBe(true);
  return text
    .slice(0, -2)
    .split("\r\n")
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain = ""]) =>
        quoted === undefined ? plain : quoted.replaceAll('""', '"'),
      ),
    );
};

test("every row has the nine columns, and out rows one address each", async () => {
  const rows = read(csv(await listOf()));
  expect(rows[0]).toEqual("direction,protocol,source,destination,address,port,component,why,stable".split(","));
  expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([9]));
  expect(rows.filter(([direction]) => direction === "out").slice(0, 4)).toEqual([
    ["out", "udp", "192.0.2.10", "9.9.9.9", "9.9.9.9", "53", "every component", expect.any(String), "yes"],
    ["out", "tcp", "192.0.2.10", "9.9.9.9", "9.9.9.9", "53", "every component", expect.any(String), "yes"],
    ["out", "tcp", "2001:db8::10", "api.crowdsec.net", "2001:db8::7", "443", "crowdsec", expect.any(String), "no: AWS"],
    ["out", "tcp", "192.0.2.10", "api.crowdsec.net", "203.0.113.7", "443", "crowdsec", expect.any(String), "no: AWS"],
  ]);
});

test("who comes in, and what a proxy has to reach, are rows too", async () => {
  const variables = { HTTPS_PROXY: "http://10.0.0.9:3128" };
  const components = [crowdsecWith(variables), cscliWith(variables)];
  const from = { clients: ["10.0.0.0/8"], prometheus: [] };
  const rows = read(csv(await listOf({ topology: { ...LISTENING, components }, from })));
  expect(rows.filter(([direction]) => direction === "in").map((row) => [row[2], row[5]])).toEqual([
    ["10.0.0.0/8", "8080"],
    ["the address of your Prometheus, and nobody else (--metrics-from)", "6060"],
    ["10.0.0.0/8", "7422"],
  ]);
  expect(rows.find(([direction]) => direction === "proxy")?.slice(0, 6)).toEqual([
    "proxy",
    "tcp",
    "http://10.0.0.9:3128",
    "api.crowdsec.net",
    "",
    "443",
  ]);
});

test("a spreadsheet takes no cell for a formula", async () => {
  const list = await listOf();
  const notes = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", 'a "quoted" word, and more'];
  const rows = read(csv({ ...list, notes })).map((row) => row[7]);
  expect(rows).toEqual(expect.arrayContaining(["'=1+1", "'+1", "'-1", "'@SUM(1)", "'=1", 'a "quoted" word, and more']));
});
