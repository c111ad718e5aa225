import { expect, test } from "@jest/globals";
import { squid } from "../../src/firewall/squid.ts";
import { agentAt, crowdsecWith, cscliWith, from } from "../support/topology.ts";
import { listOf } from "./lists.ts";

const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => /^[a-z]/.test(line));

test("this host may ask for CrowdSec's names by CONNECT to 443, and for nothing else", async () => {
  expect(linesOf(squid(await listOf()))).toEqual([
    "acl CONNECT method CONNECT",
    "acl crowdsec_ports port 443",
    "acl crowdsec_hosts src 2001:db8::10 192.0.2.10",
    "acl crowdsec_names dstdomain api.crowdsec.net",
    "acl crowdsec_names dstdomain blocklists.api.crowdsec.net",
    "acl crowdsec_names dstdomain papi.api.crowdsec.net",
    "acl crowdsec_names dstdomain cdn-hub.crowdsec.net",
    "acl crowdsec_names dstdomain hub-data.crowdsec.net",
    "acl crowdsec_names dstdomain version.crowdsec.net",
    "http_access allow CONNECT crowdsec_ports crowdsec_names crowdsec_hosts",
  ]);
});

test("the names are the same for a host that goes through the proxy already", async () => {
  const variables = { HTTPS_PROXY: "http://10.0.0.9:3128" };
  const proxied = await listOf({ topology: { components: [crowdsecWith(variables), cscliWith(variables)] } });
  expect(linesOf(squid(proxied))).toEqual(linesOf(squid(await listOf())));
});

test("a mirror of one's own brings its port, and a word on SSL_ports", async () => {
  const hubTemplate = from("https://mirror.example:8443/%s/%s", "config.yaml:9");
  const text = squid(await listOf({ topology: { hubTemplate } }));
  expect(text).toContain("\nacl crowdsec_ports port 443 8443\n");
  expect(text).toMatch(/SSL_ports too.*\n?.*8443/);
});

test("a Local API elsewhere is no name of the internet", async () => {
  expect(squid(await listOf({ topology: agentAt("http://lapi.example:8080/") }))).not.toContain("lapi.example");
});

test("a host that asks the internet for nothing gets no line at all", async () => {
  const list = await listOf({ topology: { roles: [from("bouncer", "file")] } });
  expect(linesOf(squid(list))).toEqual([]);
  expect(squid(list)).toContain("# Nothing: CrowdSec of this host asks the internet for nothing.");
});
