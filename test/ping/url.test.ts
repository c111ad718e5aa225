import { describe, expect, test } from "@jest/globals";
import { Secret } from "../../src/model/secret.ts";
import { parsePingUrl, pingHost, pingUrls } from "../../src/ping/url.ts";

const RUN = "2f8f0a9e-3c9b-4a57-9d3c-0f6a3f0f7f11";
const UUID = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

const endpoints = (base: string, exitCode = 2): readonly string[] => {
  const urls = pingUrls(new Secret(base), RUN);
  return [urls.start.reveal(), urls.end(exitCode).reveal()];
};

describe("both pings of a run go to the endpoints of the same check, with the run's id", () => {
  test.each<[string, string, string]>([
    ["a check by its UUID", `https://hc-ping.com/${UUID}`, `https://hc-ping.com/${UUID}/* ?`],
    ["a slash at the end", `https://hc-ping.com/${UUID}/`, `https://hc-ping.com/${UUID}/* ?`],
    ["several slashes at the end", `https://hc-ping.com/${UUID}//`, `https://hc-ping.com/${UUID}/* ?`],
    ["a server of one's own", `http://hc.lan:8000/ping/${UUID}`, `http://hc.lan:8000/ping/${UUID}/* ?`],
    ["a server below a path", `https://a.example/hc/ping/${UUID}`, `https://a.example/hc/ping/${UUID}/* ?`],
    [
      "a slug",
      "https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/db-1",
      "https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/db-1/* ?",
    ],
    ["a check that the ping makes", "https://hc-ping.com/key/a?create=1", "https://hc-ping.com/key/a/* ?create=1&"],
    ["a query as it is written", "https://a.example/x?a=%20b+c&d", "https://a.example/x/* ?a=%20b+c&d&"],
    ["a run's id that is there already", "https://a.example/x?rid=1&b=2&rid", "https://a.example/x/* ?b=2&"],
    ["a name that only begins like it", "https://a.example/x?ride=1", "https://a.example/x/* ?ride=1&"],
    ["a question mark alone", "https://a.example/x?", "https://a.example/x/* ?"],
    ["no path", "https://a.example", "https://a.example/* ?"],
    ["an IPv6 address", "http://[::1]:8000/x", "http://[::1]:8000/x/* ?"],
  ])("%s", (_what, base, expected) => {
    const [before = "", query = ""] = expected.split("* ");
    expect(endpoints(base)).toEqual([`${before}start${query}rid=${RUN}`, `${before}2${query}rid=${RUN}`]);
  });

  test.each([0, 1, 3, 130, 143])("exit code %i is the last part of the path", (exitCode) => {
    expect(endpoints("https://a.example/x", exitCode)[1]).toBe(`https://a.example/x/${exitCode}?rid=${RUN}`);
  });

  test("they are secrets, like the URL itself", () => {
    const urls = pingUrls(new Secret(`https://hc-ping.com/${UUID}`), RUN);
    expect(`${JSON.stringify(urls)} ${urls.start} ${urls.end(0)}`).not.toContain(UUID);
  });
});

describe("a ping URL that can be used is taken", () => {
  test.each([
    [`https://hc-ping.com/${UUID}`, `https://hc-ping.com/${UUID}`],
    [`  http://hc.lan:8000/ping/${UUID}\n`, `http://hc.lan:8000/ping/${UUID}`],
    ["HTTPS://HC-PING.com:443/key/Slug?create=1", "https://hc-ping.com/key/Slug?create=1"],
    // A slug may be called anything; only behind a UUID these are endpoints.
    ["https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/start", "https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/start"],
    [`https://a.example/${UUID}/startle`, `https://a.example/${UUID}/startle`],
    ["https://127.0.0.1/x", "https://127.0.0.1/x"],
    ["http://[::1]:8000/x", "http://[::1]:8000/x"],
    ["https://größe.example/x", "https://xn--gre-6ka8i.example/x"],
    [`https://a.example/${"x".repeat(2048 - 18)}`, `https://a.example/${"x".repeat(2048 - 18)}`],
  ])("%s", (text, expected) => {
    const read = parsePingUrl(text);
    expect(read.ok && read.url.reveal()).toBe(expected);
  });
});

describe("what cannot be one is told apart, and none of it is repeated", () => {
  test.each<[string, string]>([
    ["", "it is empty"],
    ["  ", "it is empty"],
    [`https://a.example/${"s3cr3t".repeat(400)}`, "it is longer than 2048 characters"],
    ["https://a.example/s3cr3t part", "it holds a space or a control character"],
    ["https://a.example/s3cr3t\npart", "it holds a space or a control character"],
    ["https://a.example/s3cr3t\u0000part", "it holds a space or a control character"],
    ["https://a.example/s3cr3t\u202epart", "it holds a space or a control character"],
    ["s3cr3t", "it begins with neither http:// nor https://"],
    [UUID, "it begins with neither http:// nor https://"],
    ["hc-ping.com/s3cr3t", "it begins with neither http:// nor https://"],
    ["ftp://a.example/s3cr3t", "it begins with neither http:// nor https://"],
    ["file:///s3cr3t", "it begins with neither http:// nor https://"],
    ["https:/a.example/s3cr3t", "it begins with neither http:// nor https://"],
    ["https://hc-ping.com/<s3cr3t>", "it holds a placeholder that was never replaced"],
    ["https://hc-ping.com/$S3CR3T", "it holds a placeholder that was never replaced"],
    ["https://hc-ping.com/your-uuid-here", "it holds a placeholder that was never replaced"],
    ["https://user:s3cr3t@a.example/x", "it holds a user or a password"],
    ["https://s3cr3t@a.example/x", "it holds a user or a password"],
    ["https://@a.example/s3cr3t", "it holds a user or a password"],
    ["https:///s3cr3t", "it names no host"],
    ["https://", "it names no host"],
    ["https://:8000/s3cr3t", "it names no host"],
    ["https://?s3cr3t", "it names no host"],
    ["https://a.example:s3cr3t/", "it is no URL"],
    ["https://a.example:70000/s3cr3t", "it is no URL"],
    ["https://a.example\\s3cr3t", "it is no URL"],
    ["https://a.example/%s3cr3t", "it is no URL"],
    ["https://[::1/s3cr3t", "it is no URL"],
    ["https://10.1/s3cr3t", "its host is no whole address"],
    ["https://a.example:0/s3cr3t", "its port is 0"],
    ["https://a.example/s3cr3t#part", "it has a fragment, which is never sent"],
    ["https://a.example/s3cr3t#", "it has a fragment, which is never sent"],
    [
      `https://a.example/${UUID}/start`,
      "it ends in /start, which is added here: the URL of the check itself is wanted",
    ],
    [`https://a.example/${UUID}/FAIL/`, "it ends in /fail, which is added here: the URL of the check itself is wanted"],
    [
      `https://a.example/${UUID}/log?a=b`,
      "it ends in /log, which is added here: the URL of the check itself is wanted",
    ],
    [
      `https://a.example/${UUID}/0`,
      "it ends in an exit code, which is added here: the URL of the check itself is wanted",
    ],
  ])("%j", (text, problem) => {
    expect(parsePingUrl(text)).toEqual({ ok: false, problem });
    expect(problem).not.toMatch(/s3cr3t|5bf66975/i);
  });
});

test("of a ping URL the host may be shown, and nothing else", () => {
  expect(pingHost(new Secret(`https://hc.example:8443/ping/${UUID}?create=1`))).toBe("hc.example");
  expect(pingHost(new Secret("http://[::1]:8000/x"))).toBe("[::1]");
});
