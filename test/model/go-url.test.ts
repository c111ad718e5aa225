import { expect, test } from "@jest/globals";
import { asciiHost, type GoUrl, parseGoUrl } from "../../src/model/go-url.ts";

// What is expected here is what Go's url.Parse says (net/url/url.go).

test.each<[string, Partial<GoUrl>]>([
  ["http://h:80/p?q#f", { scheme: "http", host: "h", port: "80" }],
  ["HTTP://H", { scheme: "http", host: "H", port: "" }],
  ["https://[::1]:443", { scheme: "https", host: "::1", port: "443" }],
  ["https://[::1]", { scheme: "https", host: "::1", port: "" }],
  ["http://[fe80::1%25eth%200]:1", { host: "fe80::1%eth 0", port: "1" }],
  ["http://2001:db8::1:80", { host: "2001:db8::1", port: "80" }],
  ["http://h%C3%BC", { host: "h\u00fc" }],
  ["http://h:", { host: "h", port: "" }],
  ["http://:80", { host: "", port: "80" }],
  ["http://", { scheme: "http", host: "", port: "" }],
  ["http:///path", { scheme: "http", host: "" }],
  ["http:h:80", { scheme: "http", host: "" }],
  ["h:80", { scheme: "h", host: "" }],
  ["h", { scheme: "", host: "" }],
  ["//h:80", { scheme: "", host: "h", port: "80" }],
  ["///h", { scheme: "", host: "" }],
  ["/run/crowdsec.sock", { scheme: "", host: "" }],
  ["http://u:p%40:@h@h", { user: { name: "u", password: "p@:@h" }, host: "h" }],
  ["http://u@h", { user: { name: "u" } }],
  ["http://u:@h", { user: { name: "u", password: "" } }],
  ["http://h/?a=%zz", { host: "h" }],
  ['http://a\u00e4<">:1', { host: 'a\u00e4<">' }],
  ["*", { scheme: "", host: "" }],
])("%s is read as Go reads it", (text, url) => {
  expect(parseGoUrl(text)).toMatchObject(url);
});

test.each([
  ["http://h\n", "control character"],
  ["http://h/%zz", "begins no escape"],
  ["http://h/#%", "begins no escape"],
  ["http://u%@h", "begins no escape"],
  ["/%", "begins no escape"],
  ["http://h:x", "port is no number"],
  ["http://[::1]x", "port is no number"],
  ["http://h:80x", "port is no number"],
  ["http://[::1", "closing bracket"],
  ["http://h h", "no host name has"],
  ["http://h%41", "no host name has"],
  ["http://h{}", "no host name has"],
  ["http://[fe80::1%25%2F]", "no host name has"],
  ["http://u\u00fc@h", "%-escape"],
  ["http://u[@h", "%-escape"],
  [":h", "begins with a colon"],
  ["1.2.3.4:80", "no scheme"],
])("%j is no URL, because of what it says", (text, problem) => {
  expect(parseGoUrl(text)).toEqual({ problem: expect.stringContaining(problem) });
});

test.each([
  ["API.crowdsec.net", "API.crowdsec.net"],
  ["B\u00dcCHER.example", "xn--bcher-kva.example"],
  [".b\u00fccher.example", ".xn--bcher-kva.example"],
  ["stra\u00dfe.example", "xn--strae-oqa.example"],
  ["b\u00fccher\u3002example", "xn--bcher-kva.example"],
  ["b\u00fc_cher.example", "b\u00fc_cher.example"],
  ["b\u00fc:80", "b\u00fc:80"],
])("the host %s is asked for as %s", (host, ascii) => {
  expect(asciiHost(host)).toBe(ascii);
});
