import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { isOrdinary } from "../../src/anonymity/ordinary.ts";

test("the words of the model, which reports and observations are made of, are no host names", () => {
  const words = readdirSync("src/model").flatMap((name) =>
    Array.from(readFileSync(`src/model/${name}`, "utf8").matchAll(/"([a-z]{3,})"/g), ([, word = ""]) => word),
  );
  expect(words.length).toBeGreaterThan(100);
  // One that is missing belongs into src/anonymity/ordinary.ts.
  expect(words.filter((word) => !isOrdinary(word))).toEqual([]);
});

test.each(["server", "lapi", "agent", "postgres", "debian", "crowdsec-lapi", "crowdsec-firewall-bouncer", "db"])(
  "a host that is called %s keeps its name",
  (name) => expect(isOrdinary(name)).toBe(true),
);

test.each(["db1", "web-01", "web_01", "web01", "acme", "acme-lapi", "ip-10-0-0-5", "d41d8cd98f00"])(
  "a host that is called %s does not",
  (name) => expect(isOrdinary(name)).toBe(false),
);
