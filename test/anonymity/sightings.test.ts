import { expect, test } from "@jest/globals";
import { createSightings, isPublicFour } from "../../src/anonymity/sightings.ts";

const studied = (...texts: readonly string[]): ReturnType<typeof createSightings> => {
  const sightings = createSightings();
  for (const text of texts) sightings.study(text);
  return sightings;
};
const VERSION = [4, 14, 0, 94];
const ADDRESS = [91, 198, 174, 192];

test.each([
  ...["nginx/4.14.0.94", "(X11) Chrome/4.14.0.94 Safari", "cmeel_qhull-4.14.0.94", "linux-image-4.14.0.94-amd64"],
  ...["version 4.14.0.94", '"version": "4.14.0.94"', '{\\"kernelVersion\\":\\"4.14.0.94\\"}', "VERSION_ID=4.14.0.94"],
  ...["kernel 4.14.0.94", "Linux 4.14.0.94", "qhull==4.14.0.94", "a\\nnginx/4.14.0.94", "qhull 4.14.0.94+dfsg-1"],
])("a version stays: %s", (text) => {
  expect(studied(text).isVersion(VERSION)).toBe(true);
  expect(studied(text).isSeen(VERSION)).toBe(false);
});

test.each([
  ...[
    "http://4.14.0.94/",
    "https:\\/\\/4.14.0.94",
    "nginx/4.14.0.94:80",
    "nginx/4.14.0.94/32",
    '"4.14.0.94"',
    "ban/4.14.0.94",
  ],
  ...[
    "4.14.0.94 db1",
    "nameserver 4.14.0.94",
    "from 4.14.0.94 port 22",
    "x\\n4.14.0.94",
    "%2F4.14.0.94",
    "at 4.14.0.94.",
  ],
  ...["[36m4.14.0.94", "root@4.14.0.94", "host: 4.14.0.94", "ip_4.14.0.94 "],
])("where an address stands as one, it is one everywhere: %s", (text) => {
  for (const texts of [
    [text, "nginx/4.14.0.94"],
    ["nginx/4.14.0.94", text],
  ])
    expect([studied(...texts).isVersion(VERSION), studied(...texts).isSeen(VERSION)]).toEqual([false, true]);
});

test.each([
  "nginx/91.198.174.192",
  "access-91.198.174.192.log",
  "/var/lib/log/91.198.174.192",
  "kernel 91.198.174.192",
])("numbers that are large for a version are none: %s", (text) => {
  expect(studied(text).isVersion(ADDRESS)).toBe(false);
});

test("what is private is no version, and what nobody saw is none", () => {
  expect(studied("nginx/10.1.2.3").isVersion([10, 1, 2, 3])).toBe(false);
  expect(studied("").isVersion(VERSION)).toBe(false);
  expect([VERSION, [10, 1, 2, 3], [127, 0, 0, 1], [192, 168, 0, 1]].map(isPublicFour)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test.each(["static.91.198.174.192.example", "v91.198.174.192", "191.198.174.1921", "91.198.174.192.7"])(
  "numbers within a word are not seen as an address: %s",
  (text) => {
    expect(studied(text).isSeen(ADDRESS)).toBe(false);
  },
);
