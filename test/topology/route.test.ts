import { describe, expect, test } from "@jest/globals";
import { hiddenBy, NO_TRUST, routeOf, shownOf, sourcedUrl } from "../../src/topology/route.ts";
import { fileRead, from } from "../support/topology.ts";

const CANARY = "canary-4dd1-secret";
const ORIGIN = "/etc/crowdsec/local_api_credentials.yaml:1";

describe("a client's way to the Local API", () => {
  test.each([
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"],
    ["http://127.0.0.1:8080/", "http://127.0.0.1:8080/"],
    ["https://lapi.test/crowdsec", "https://lapi.test/crowdsec/"],
    ["http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"],
  ])("%s is dialed as %s", (url, expected) => {
    expect(routeOf(from(url, ORIGIN), NO_TRUST)).toEqual({ url: from(expected, ORIGIN), trust: NO_TRUST });
  });

  test("is the absolute path of a unix socket too", () => {
    expect(routeOf(from("/run/crowdsec.sock", ORIGIN), NO_TRUST)).toEqual({
      url: from("http://unix/", ORIGIN),
      socket: "/run/crowdsec.sock",
      trust: NO_TRUST,
    });
  });

  test.each([
    ["lapi.test:8080", "neither http:// nor https://"],
    ["ftp://lapi.test/", "neither http:// nor https://"],
    ["lapi.test", "not a URL"],
    ["run/crowdsec.sock", "not a URL"],
    ["http://", "not a URL"],
    ["http://lapi.test:99999/", "not a URL"],
    ["http://lapi.test:0/", "a URL with port 0"],
  ])("%j is a fault: %s", (url, problem) => {
    expect(routeOf(from(url, ORIGIN), NO_TRUST)).toEqual({ malformed: from(url, ORIGIN), problem });
  });

  test.each([
    `http://me:${CANARY}@lapi.test:8080/`,
    `http://${CANARY}@lapi.test:8080/`,
    `https://me:${CANARY}@lapi.test:99999/`,
    `ftp://me:${CANARY}@lapi.test/`,
    `me:${CANARY}@lapi.test:8080`,
    `http://me:${CANARY}@la pi/`,
  ])("with credentials in it (%s) is a fault, and they are kept to ourselves", (url) => {
    const way = routeOf(from(url, ORIGIN), NO_TRUST);
    expect(way).toMatchObject({ malformed: { origin: ORIGIN } });
    expect(JSON.stringify(way)).not.toContain(CANARY);
  });

  test.each([`http://lapi.test:8080/?key=${CANARY}`, `http://lapi.test:8080/#${CANARY}`])(
    "keeps neither a query nor a fragment: %s",
    (url) => {
      expect(sourcedUrl(from(url, ORIGIN))).toEqual(from("http://lapi.test:8080/", ORIGIN));
    },
  );
});

test("a value before an @ may be a password, and is not shown", () => {
  expect(shownOf(from(`me:${CANARY}@host`, ORIGIN))).toEqual(from("[secret]", ORIGIN));
  expect(shownOf(from("word", ORIGIN))).toEqual(from("word", ORIGIN));
});

test("the first file that this user may not read is the reason why nothing is known", () => {
  const [read, denied] = [fileRead("/a", "settings"), fileRead("/b", "settings", { state: "denied" })];
  expect(hiddenBy([read, denied, fileRead("/c", "settings", { state: "denied" })])).toBe(
    "run as root: /b may not be read by this user",
  );
  expect(hiddenBy([read, fileRead("/d", "settings", { state: "missing" })])).toBeUndefined();
});
