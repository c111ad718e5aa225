import { expect, test } from "@jest/globals";
import {
  compareVersions,
  parseVersion,
  showRange,
  showVersion,
  type Version,
  within,
} from "../../src/model/version.ts";

test.each<[string, Version | undefined]>([
  ["1.7.8", [1, 7, 8]],
  ["v1.7.8", [1, 7, 8]],
  ["v1.4.6-6~deb12u1", [1, 4, 6]],
  ["v1.7.8-debian-pragmatic-amd64-a1b2c3", [1, 7, 8]],
  [" 1.7\n", [1, 7, 0]],
  ["1.10.0", [1, 10, 0]],
  ["1", undefined],
  ["", undefined],
  ["dev", undefined],
  ["-1.2.3", undefined],
  ["99999.1.1", undefined],
])("%p is the version %p", (text, version) => {
  expect(parseVersion(text)).toEqual(version);
});

test("versions are in order by number, not by letter", () => {
  const versions: Version[] = [
    [1, 10, 0],
    [1, 9, 9],
    [2, 0, 0],
    [1, 9, 10],
    [1, 9, 9],
  ];
  expect(versions.sort(compareVersions).map(showVersion)).toEqual(["1.9.9", "1.9.9", "1.9.10", "1.10.0", "2.0.0"]);
});

test.each<[Parameters<typeof within>[1], boolean[], string]>([
  [{}, [true, true, true, true], "every version"],
  [{ since: [1, 6, 3] }, [false, false, true, true], "1.6.3 and later"],
  [{ until: [1, 6, 2] }, [true, true, false, false], "up to 1.6.2"],
  [{ since: [1, 6, 2], until: [1, 6, 3] }, [false, true, true, false], "1.6.2 to 1.6.3"],
])("of 1.4.6, 1.6.2, 1.6.3 and 1.7.8, %j holds %p and reads %p", (range, held, words) => {
  const versions: Version[] = [
    [1, 4, 6],
    [1, 6, 2],
    [1, 6, 3],
    [1, 7, 8],
  ];
  expect([versions.map((version) => within(version, range)), showRange(range)]).toEqual([held, words]);
});
