import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { mergedConfiguration } from "../../src/topology/merged.ts";
import { fakeProber } from "../support/fake-prober.ts";

const PATH = "/etc/crowdsec/config.yaml";
const merged = (files: Readonly<Record<string, string>>): Promise<string | undefined> =>
  mergedConfiguration(fakeProber({ files }), PATH);

test("each value stands with the file and line that it comes from", async () => {
  const text = await merged({
    [PATH]:
      "common:\n  log_level: info\napi:\n  server:\n    listen_uri: 127.0.0.1:8080\n    trusted_ips: [127.0.0.1]\n",
    [`${PATH}.local`]: "api:\n  server:\n    listen_uri: 0.0.0.0:8080\n",
  });
  expect(text).toBe(`common: # ${PATH}:1
  log_level: "info" # ${PATH}:2
api: # ${PATH}:3
  server: # ${PATH}:4
    listen_uri: "0.0.0.0:8080" # ${PATH}.local:3
    trusted_ips: # ${PATH}:6
      - "127.0.0.1" # ${PATH}:6
`);
});

test("whatever a value is, it is read back as the same", async () => {
  const values = {
    empty: "",
    nothing: null,
    number: 0,
    flag: false,
    "a key: with # signs": 'a "quoted" \\ value # and more',
    lines: "one\ntwo\n",
    list: [[], {}, ["x", { y: 1 }], "z"],
  };
  const text = await merged({ [PATH]: JSON.stringify(values) });
  expect(parse(text ?? "")).toEqual(values);
});

test("without a file, or with one that is no YAML, there is nothing", async () => {
  expect(await merged({})).toBeUndefined();
  expect(await merged({ [PATH]: "a: [" })).toBeUndefined();
});
