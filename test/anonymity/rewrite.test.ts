import { expect, test } from "@jest/globals";
import { createRewriter } from "../../src/anonymity/rewrite.ts";

/** Replaces IPv4 by `4.4.4.N`, IPv6 by `6::N`, MAC by `aa:..:N`, N being the last byte, and `web1` by `NAME`. */
const seen: string[] = [];
const rewrite = createRewriter({
  addresses: {
    four: (bytes, bits = 32) => (bits < 32 ? [4, 4, 4, 0] : [4, 4, 4, bytes[3] ?? 0]),
    six: (bytes, bits = 128) => [0, 6, ...Array<number>(13).fill(0), bits < 128 ? 0 : (bytes[15] ?? 0)],
    mac: (bytes) => [0xaa, 0xaa, 0xaa, 0xaa, 0xaa, bytes[5] ?? 0],
  },
  onAddress: (original, image) => seen.push(`${original} ${image}`),
  isSeen: (bytes) => bytes.join(".") === "91.198.174.192",
  isVersion: (bytes) => bytes.join(".") === "1.22.1.4",
  isSeenMac: (bytes) => bytes[0] === 0x52,
  isNoted: (word) => word === "web1" || word === "nweb1",
  isNotedLength: (length) => length === 4,
  name: (word) => (word.endsWith("web1") ? "NAME" : undefined),
  rest: (word) => word,
});

test.each<[string, string]>([
  ["10.0.0.5", "4.4.4.5"],
  ["at 10.0.0.5, 10.0.0.6. End", "at 4.4.4.5, 4.4.4.6. End"],
  ["010.000.000.005", "4.4.4.5"],
  ["10.0.0.5:8080", "4.4.4.5:8080"],
  ["http://10.0.0.5:8080/v1?ip=10.0.0.6&x", "http://4.4.4.5:8080/v1?ip=4.4.4.6&x"],
  ["user@10.0.0.5", "user@4.4.4.5"],
  ["10.0.0.5-10.0.0.9", "4.4.4.5-4.4.4.9"],
  ["10.0.0.0/24", "4.4.4.0/24"],
  ["10.0.0.0\\/24", "4.4.4.0\\/24"],
  ["10.0.0.5/24", "4.4.4.5/24"],
  ["10.0.0.5/32", "4.4.4.5/32"],
  ["10.0.0.5/admin", "4.4.4.5/admin"],
  ["10.0.0.9/255.255.255.7", "4.4.4.9/4.4.4.7"],
  ["tcp4:10.0.0.5", "tcp4:4.4.4.5"],
  ["10.0.0.5.8080", "4.4.4.5.8080"],
  ["/var/log/10.0.0.5.log", "/var/log/4.4.4.5.log"],
  ["access_10.0.0.5-1.log", "access_4.4.4.5-1.log"],
  ["10.0.0.5_x", "4.4.4.5_x"],
  ["5.0.0.10.in-addr.arpa.", "5.4.4.4.in-addr.arpa."],
  ["0.0.10.in-addr.arpa", "4.4.4.in-addr.arpa"],
  ["ip-10-0-0-5", "ip-4-4-4-5"],
  ["::ffff:10.0.0.5", "6::0.0.0.5"],
  ["91-198-174-192", "4-4-4-192"],
  ["91_198_174_192", "4_4_4_192"],
  ["x_91_198_174_192.log", "x_4_4_4_192.log"],
  ["2024-01-91-198-174-192", "2024-01-4-4-4-192"],
  ["v91.198.174.192x", "v4.4.4.192x"],
  ["static.192.174.198.91.clients", "static.192.4.4.4.clients"],
  ["192-174-198-91", "192-4-4-4"],
  ["192.174.198.91", "4.4.4.91"],
  ["10.1.2[.]3", "4.4.4[.]3"],
  ["10[.]1[.]2[.]3, 10(.)1(.)2(.)3", "4[.]4[.]4[.]3, 4(.)4(.)4(.)3"],
  ["10[dot]1[dot]2[dot]3", "4[dot]4[dot]4[dot]3"],
  ["^10\\.1\\.2\\.3$", "^4\\.4\\.4\\.3$"],
  ['{"91-198-174-192":1}', '{"4-4-4-192":1}'],
])("IPv4: %s becomes %s", (text, image) => {
  expect(rewrite(text)).toBe(image);
});

test.each<[string, string]>([
  ["2001:db8::1", "6::1"],
  ["[2001:db8::1]:8080", "[6::1]:8080"],
  ["2001:DB8::A", "6::A"],
  ["2001:0db8:0000:0000:0000:0000:0000:0001", "0006:0000:0000:0000:0000:0000:0000:0001"],
  ["2001:db8:1:2:3:4:5:8", "6::8"],
  ["2001:db8:1:2:3:4:5:8:8080", "6::8:8080"],
  ["fe80::2%eth0", "6::2%eth0"],
  ["2001:db8::/32", "6::/32"],
  ["2001:db8::1/64", "6::1/64"],
  ["at 2001:db8::1: refused", "at 6::1: refused"],
  ["2001:db8::1.", "6::1."],
  ["src:2001:db8::1", "src:6::1"],
  ["2001:db8::1-2001:db8::2", "6::1-6::2"],
  ["2001:db8::1.443", "6::1.443"],
  ["%5B2001:db8::1%5D", "%5B6::1%5D"],
  [
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.0.0.0.ip6.arpa",
  ],
  ["8.b.d.0.1.0.0.2.ip6.arpa", "0.0.0.0.6.0.0.0.ip6.arpa"],
])("IPv6: %s becomes %s", (text, image) => {
  expect(rewrite(text)).toBe(image);
});

test.each<[string, string]>([
  ["00:11:22:33:44:55", "aa:aa:aa:aa:aa:55"],
  ["00-0C-22-33-44-55", "AA-AA-AA-AA-AA-55"],
  ["MAC=00:11:22:33:44:55:00:11:22:33:44:66:08:00", "MAC=aa:aa:aa:aa:aa:55:aa:aa:aa:aa:aa:66:08:00"],
  ["enx001122334455", "enxaaaaaaaaaa55"],
  ["5254.00ab.cdef", "aaaa.aaaa.aaef"],
  ["525400abcdef", "aaaaaaaaaaef"],
  ["525400ABCDEF", "AAAAAAAAAAEF"],
  ["tap-525400abcdef", "tap-aaaaaaaaaaef"],
])("MAC: %s becomes %s", (text, image) => {
  expect(rewrite(text)).toBe(image);
});

test.each<[string, string]>([
  ["0500000A:1F90", "05040404:1F90"],
  ["000000000000000000000000010000FE:0016", "00000600000000000000000001000000:0016"],
])("as the kernel writes sockets: %s", (text, image) => {
  expect(rewrite(text)).toBe(image);
});

test.each([
  ...[
    "1.22.1.4",
    "nginx-1.22.1.4",
    "1-2-3-4",
    "1_2_3_4",
    "300[.]1[.]2[.]3",
    "1.2[.]3",
    "5354.00ab.cdef",
    "535400abcdef",
  ],
  ...["191-198-174-1920", "91-198_174-192", "1.91.198.174.192.1", "525400abcdef0"],
  ...["v1.2.3.4", "1.4.6", "1.2.3", "1.2.3.4.5.6", "1.3.6.1.5.5.7.3.1", "256.1.1.1", "libc.so.1.2.3.4"],
  ...["10:20:30", "2024-01-02T10:20:30Z", "2024-01-02 10:20:30.123456", "std::string", "a::b", "Foo::Bar", "x:1:2"],
  ...["AB:CD:EF:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11", "d41d8cd98f00b204e9800998ecf8427e"],
  ...["123e4567-e89b-12d3-a456-426614174000", "sha256:0011223344", "24-01-02-10", "---", "...", "key:"],
])("%s is no address", (text) => {
  expect(rewrite(text)).toBe(text);
});

test.each<[string, string]>([
  ["web1", "NAME"],
  ["xweb1", "xweb1"],
  ["a\\nweb0\\tweb1\\\\nx", "a\\nweb0\\tNAME\\\\nx"],
  ["\\u003cweb1\\u003e", "\\u003cNAME\\u003e"],
  ["\\u000010.0.0.5", "\\u00004.4.4.5"],
  ["\\nweb1", "\\NAME"],
  ["%2Fweb1%2F", "%2FNAME%2F"],
  ["\u001b[36mweb1\u001b[0m \u001b[1;31m10.0.0.5", "\u001b[36mNAME\u001b[0m \u001b[1;31m4.4.4.5"],
  ['{"web1":"web1"}', '{"web1":"NAME"}'],
  ['{\\"web1\\": \\"web1\\"}', '{\\"web1\\": \\"NAME\\"}'],
  ["web1: 'web1'", "NAME: 'NAME'"],
])("what stands around a word is none of it: %j", (text, image) => {
  expect(rewrite(text)).toBe(image);
});

test("it tells which address became which, networks as such", () => {
  seen.length = 0;
  const fresh = createRewriter({
    addresses: { four: () => [4, 4, 4, 4], six: () => Array<number>(16).fill(0), mac: (bytes) => bytes },
    onAddress: (original, image) => seen.push(`${original} ${image}`),
    isSeen: () => false,
    isVersion: () => false,
    isSeenMac: () => false,
    isNoted: () => false,
    isNotedLength: () => false,
    name: () => undefined,
    rest: (word) => word,
  });
  fresh("10.0.0.5 10.0.0.0/24 2001:DB8:0:0::5 10.0.0.5");
  expect(seen).toEqual(["10.0.0.5 4.4.4.4", "10.0.0.0/24 4.4.4.4/24", "2001:db8::5 ::"]);
});

test.each([":", "1::", "0:", "ab:", "a.b.", "1.2.3.4.", "1.2.3.4-", "a-b-", "[1;", "\\", "%2F", "enx", "-"])(
  "300 kB of %j in one word end soon",
  (text) => {
    const long = text.repeat(Math.ceil(300_000 / text.length));
    const from = performance.now();
    rewrite(long);
    expect(performance.now() - from).toBeLessThan(20_000);
  },
  30_000,
);
