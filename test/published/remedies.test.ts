import { describe, expect, test } from "@jest/globals";
import type { ConditionalRemedy } from "../../src/model/check.ts";
import { commandsOn } from "../../src/model/commands.ts";
import { compareVersions, showVersion, type VersionRange } from "../../src/model/version.ts";
import { REMEDY_TABLES } from "../support/remedies.ts";
import { SYSTEM_NAMES, SYSTEMS } from "../support/systems.ts";
import { type Token, tokensOf } from "./tokens.ts";

/** What a remedy says and has typed, in the words of every system. */
const wordsOf = ({ text, commands = [], undo = [] }: ConditionalRemedy): readonly string[] => [
  text,
  ...new Set(SYSTEM_NAMES.flatMap((name) => commandsOn(SYSTEMS[name].system, [...commands, ...undo]))),
];

const refusedIn = (remedy: ConditionalRemedy): readonly string[] =>
  wordsOf(remedy)
    .flatMap(tokensOf)
    .filter(({ known }) => known === undefined)
    .map(({ word }) => word);

/** Occasions (`when`) that only these releases bring, as their checks have it; and of what none brings, why it is known. */
const OCCASIONS: Readonly<Record<string, VersionRange>> = {
  "package-state: package-incomplete: setup": { since: [1, 7, 0] },
};
const IN_USE: Readonly<Record<string, string>> = {
  "api.server.listen_socket": "of a host whose client or Local API is on a unix socket",
  listen_socket: "of a host whose client or Local API is on a unix socket",
};

/** Whether every release of the occasion lies on the inner side of where the name begins and ends. */
const covers = ({ since, until }: VersionRange, occasion: VersionRange): boolean =>
  (since === undefined || (occasion.since !== undefined && compareVersions(since, occasion.since) <= 0)) &&
  (until === undefined || (occasion.until !== undefined && compareVersions(until, occasion.until) >= 0));

/** What not every release knows, and the remedy neither says since when nor is for those releases only. */
const undatedIn = (remedy: ConditionalRemedy, of = ""): readonly string[] =>
  wordsOf(remedy)
    .flatMap(tokensOf)
    .flatMap(({ word, known = {} }: Token) => {
      const ends = [known.since, known.until].filter((end) => end !== undefined);
      const told = ends.every((end) => remedy.text.includes(showVersion(end)));
      return told || covers(known, OCCASIONS[`${of}: ${remedy.when}`] ?? {}) ? [] : [word];
    });

describe("the list can refuse", () => {
  test.each([
    ["Set common.http_proxies to the proxy.", "common.http_proxies"],
    ["Set api.server.listen_url in config.yaml.", "api.server.listen_url"],
    ["Raise lapi_timeout.", "lapi_timeout"],
    ["Write it into local_api_secrets.yaml.", "local_api_secrets.yaml"],
    ["Make the container anew with DISABLE_LAPI=true.", "DISABLE_LAPI"],
    ["Run it with -no-agent.", "crowdsec -no-agent"],
    ["crowdsec -dry-run", "crowdsec -dry-run"],
    ["cscli machine-register", "cscli machine-register"],
    ["cscli machines register", "cscli machines register"],
    ["cscli machines add --overwrite", "cscli machines add --overwrite"],
    ["cscli bouncers add NAME --force", "cscli bouncers add --force"],
    ["systemctl restart crowdsec-agent", "crowdsec-agent"],
    ["rm /etc/systemd/system/crowdsec-lapi.service.d/x.conf", "/etc/systemd/system/crowdsec-lapi.service.d/x.conf"],
    ["cat /etc/crowdsec/lapi.yaml", "/etc/crowdsec/lapi.yaml"],
    ["In the chart, set lapi.environment.", "lapi.environment"],
  ])("%s", (text, word) => {
    expect(refusedIn({ text })).toContain(word);
    expect(refusedIn({ text: "See.", commands: [text] })).toContain(word);
  });

  test("and lets pass what there is, in a sentence and in a command", () => {
    const text =
      "Correct api.server.listen_uri in config.yaml (cscli machines validate), restart crowdsec.service with -no-cs and DISABLE_AGENT=true; ca_cert_path beside it, https://docs.crowdsec.net/x_y.z.";
    const commands = [
      "cscli machines add NAME -a --force -c /etc/crowdsec/config.yaml",
      "curl -w '%{http_code}' {url}",
    ];
    expect(refusedIn({ text, commands })).toEqual([]);
    expect(tokensOf(text).map(({ word }) => word)).toEqual(
      expect.arrayContaining([
        "api.server.listen_uri",
        "cscli machines validate",
        "crowdsec.service",
        "crowdsec -no-cs",
        "DISABLE_AGENT",
        "ca_cert_path",
      ]),
    );
  });

  test("what only some releases know must say which", () => {
    expect(undatedIn({ text: "Write db_config.ssl_ca_cert." })).toEqual(["db_config.ssl_ca_cert"]);
    expect(undatedIn({ text: "Write db_config.ssl_ca_cert, from CrowdSec 1.6.6 on." })).toEqual([]);
    expect(undatedIn({ text: "Wait.", commands: ["cscli papi status"] })).toEqual(["cscli papi status"]);
    expect(undatedIn({ text: "Remove it.", commands: ["cscli dashboard remove"] })).toEqual(["cscli dashboard remove"]);
    const setup = { when: "setup", text: "Look for logs.", commands: ["cscli setup unattended"] };
    expect(undatedIn(setup)).toEqual(["cscli setup unattended"]);
    expect(undatedIn(setup, "package-state: package-incomplete")).toEqual([]);
    const papi = { ...setup, commands: ["cscli setup datasources"] };
    expect(undatedIn(papi, "package-state: package-incomplete")).toEqual(["cscli setup datasources"]);
  });
});

describe.each(REMEDY_TABLES)("the remedies of $of", ({ of, remedy }) => {
  test("name nothing that CrowdSec does not have", () => {
    expect(remedy.flatMap(refusedIn)).toEqual([]);
  });

  test("say since when, where not every release has it", () => {
    const undated = remedy.flatMap((one) => undatedIn(one, of));
    expect(undated.filter((word) => !Object.hasOwn(IN_USE, word))).toEqual([]);
  });
});

test("every exception is still one", () => {
  const remedies = REMEDY_TABLES.flatMap(({ of, remedy }) => remedy.map((one) => ({ of, one })));
  const undated = new Set(remedies.flatMap(({ one }) => undatedIn(one)));
  expect(Object.keys(IN_USE).filter((word) => !undated.has(word))).toEqual([]);
  const occasions = new Set(
    remedies.flatMap(({ of, one }) => (undatedIn(one).length > 0 ? [`${of}: ${one.when}`] : [])),
  );
  expect(Object.keys(OCCASIONS).filter((occasion) => !occasions.has(occasion))).toEqual([]);
});
