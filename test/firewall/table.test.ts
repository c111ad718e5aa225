import { expect, test } from "@jest/globals";
import { table } from "../../src/firewall/table.ts";
import { BEFORE_INSTALL } from "../support/topology.ts";
import { LISTENING, listOf } from "./lists.ts";

test.each([40, 60, 80, 120])("no line is wider than %i columns, but for a word that is", async (width) => {
  for (const topology of [LISTENING, BEFORE_INSTALL]) {
    const lines = table(await listOf({ topology }), width).split("\n");
    const wide = lines.filter((line) => line.length > width);
    expect(
      wide.filter((line) =>
        line
          .trim()
          .replace(/^(udp\+)?tcp\/\d+ +/, "")
          .includes(" "),
      ),
    ).toEqual([]);
  }
});

test("outgoing and inbound, each with port, place, whether it stays, addresses, and what breaks", async () => {
  const text = table(await listOf({ topology: LISTENING }), 80);
  expect(text).toContain(
    [
      "Outgoing, from 2001:db8::10 192.0.2.10",
      "  udp+tcp/53  9.9.9.9                      stays",
      "              every component: the nameserver of /etc/resolv.conf; without it:",
      "              no name is found",
      "  tcp/443     api.crowdsec.net             moves (AWS)",
      "              2001:db8::7 203.0.113.7",
    ].join("\n"),
  );
  expect(text).toContain(
    [
      "Inbound",
      "  tcp/8080    at every address",
      "              from the networks of your agents and bouncers (--from CIDR)",
    ].join("\n"),
  );
});
