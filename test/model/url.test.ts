import { describe, expect, test } from "@jest/globals";
import { readUrl, toUrl } from "../../src/model/url.ts";

test.each([
  ["http://10.0.0.5:8080/", "http://10.0.0.5:8080/"],
  ["http://10.0.0.5:8080", "http://10.0.0.5:8080/"],
  ["https://lapi.example", "https://lapi.example/"],
  ["HTTP://LAPI.example:80/", "http://lapi.example/"],
  ["http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"],
  ["https://web.example/crowdsec", "https://web.example/crowdsec/"],
  ["https://web.example/crowdsec/", "https://web.example/crowdsec/"],
  ["https://web.example/?token=hunter2#x", "https://web.example/"],
])("%s is read as %s", (text, url) => {
  expect(readUrl(text)).toEqual({ ok: true, url });
});

test.each([
  ["", "not a URL"],
  ["http://", "not a URL"],
  ["http://h:65536/", "not a URL"],
  ["localhost:8080", "neither http:// nor https://"],
  ["ftp://h/", "neither http:// nor https://"],
  ["http://h:0/", "a URL with port 0"],
  ["http:/h/", "not a URL"],
  ["http://h/%zz", "not a URL"],
  ["http://127.1:8080/", "a URL whose host Go reads otherwise"],
  ["http://$LAPI:8080/", "a URL with a placeholder that was never replaced"],
  ["http://<LAPI_HOST>:8080/", "not a URL"],
])("%p is %s, and is shown", (text, problem) => {
  expect(readUrl(text)).toEqual({ ok: false, shown: text, problem });
});

describe("of a URL that may hold a secret nothing is shown", () => {
  test.each([
    ["http://machine:hunter2@h:8080/", "a URL with credentials in it"],
    ["http://hunter2@h:8080/", "a URL with credentials in it"],
    ["http://:hunter2@h:8080/", "a URL with credentials in it"],
    ["ftp://machine:hunter2@h/", "neither http:// nor https://"],
    ["http://machine:hunter2@h:99999/", "not a URL"],
    ["http://machine:hunter2@/", "not a URL"],
    ["machine:hunter2@h:8080", "neither http:// nor https://"],
    ["http://h:99999/?token=hunter2", "not a URL"],
    ["ftp://h/#hunter2", "neither http:// nor https://"],
    // A key that stands where the URL should.
    ["hunter2", "not a URL"],
    ["http://h /?x=hunter2", "not a URL"],
    ["http://127.1/hunter2 hunter2", "a URL whose host Go reads otherwise"],
  ])("%s", (text, problem) => {
    const read = readUrl(text);
    expect(read).toMatchObject({ ok: false, problem });
    expect(JSON.stringify(read)).not.toContain("hunter2");
  });
});

test("a URL with letters beyond ASCII is one, however often it is asked", () => {
  // Node 20's URL.canParse says otherwise from some five thousand times on.
  for (let times = 0; times < 50_000; times += 1)
    if (toUrl("https://größe.example/x")?.hostname !== "xn--gre-6ka8i.example")
      throw new Error(`refused after ${times}`);
  expect(toUrl("größe", "https://a.example/b/")?.pathname).toBe("/b/gr%C3%B6%C3%9Fe");
  expect(toUrl("no URL")).toBeUndefined();
});
