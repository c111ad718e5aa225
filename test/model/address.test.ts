import { expect, test } from "@jest/globals";
import { inRange, isLoopbackIp, parseIp, parseRange, parseZonedIp, sameIp } from "../../src/model/address.ts";

test.each([
  ["10.0.0.5", "::ffff:10.0.0.5"],
  ["::ffff:a00:5", "10.0.0.5"],
  ["2001:db8::5", "2001:0DB8:0:0:0:0:0:5"],
  ["::", "0:0:0:0:0:0:0:0"],
  ["1::", "1:0:0:0:0:0:0:0"],
  ["::1.2.3.4", "::102:304"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
])("%s and %s are one address", (one, other) => {
  expect(parseIp(one)).toHaveLength(16);
  expect(parseIp(one)).toEqual(parseIp(other));
});

test.each([
  ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "0x1.2.3.4", "localhost", "127.1"],
  [":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::12345", "::g", "1.2.3.4::"],
  ["[::1]", "fe80::1%eth0", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", ":1:2:3:4:5:6:7:8", "::ffff:1.2.3.04"],
])("neither %j nor the others of its kind are addresses", (...texts) => {
  for (const text of texts) expect([text, parseIp(text)]).toEqual([text, undefined]);
});

test("a zone belongs to an IPv6 address, and is left out", () => {
  expect(parseZonedIp("fe80::1%eth0")).toEqual(parseIp("fe80::1"));
  expect(parseZonedIp("10.0.0.5")).toEqual(parseIp("10.0.0.5"));
  for (const text of ["fe80::1%", "10.0.0.5%eth0", "%eth0"]) expect(parseZonedIp(text)).toBeUndefined();
});

test.each<[string, boolean]>([
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["128.0.0.1", false],
  ["0.0.0.0", false],
  ["::", false],
  ["::2", false],
  ["::7f00:1", false],
])("whether %s is this host's own loopback: %p", (text, loopback) => {
  const ip = parseIp(text);
  expect(ip && isLoopbackIp(ip)).toBe(loopback);
});

test.each<[string, string, boolean]>([
  ["10.0.0.0/8", "10.255.255.255", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.1.2.3/8", "10.0.0.0", true],
  ["10.0.0.4/30", "10.0.0.7", true],
  ["10.0.0.4/30", "10.0.0.8", false],
  ["10.0.0.5/32", "10.0.0.5", true],
  ["0.0.0.0/0", "255.0.0.1", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "10.0.0.5", false],
  ["::ffff:10.0.0.0/104", "10.9.9.9", true],
  ["::ffff:10.0.0.0/90", "10.9.9.9", false],
  ["2001:db8::/33", "2001:db8:7fff::1", true],
  ["2001:db8::/33", "2001:db8:8000::1", false],
  ["10.0.0.0/008", "10.255.0.0", true],
])("whether %s holds %s: %p", (text, address, held) => {
  const [range, ip] = [parseRange(text), parseIp(address)];
  expect(range && ip && inRange(range, ip)).toBe(held);
});

test.each([
  "10.0.0.0",
  "10.0.0.0/",
  "10.0.0.0/33",
  "::/129",
  "10.0.0/24",
  "10.0.0.0/8/8",
  "10.0.0.0/x",
  "fe80::%e/64",
  "/8",
])("%s is no range", (text) => {
  expect(parseRange(text)).toBeUndefined();
});

test("addresses are compared by all their bytes", () => {
  const [one, other] = [parseIp("2001:db8::1") ?? [], parseIp("2001:db8::2") ?? []];
  expect([sameIp(one, one), sameIp(one, other)]).toEqual([true, false]);
});
