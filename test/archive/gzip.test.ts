import { gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { readGzip } from "../../src/archive/gzip.ts";
import { ArchiveError } from "../../src/archive/zip.ts";
import { makeZip } from "../support/zips.ts";

const MIB = 1024 * 1024;
const LOG = "time=x level=info msg=ok\n".repeat(1000);

test("a rotated log is read", async () => {
  expect((await readGzip(gzipSync(LOG), MIB)).toString()).toBe(LOG);
  expect(await readGzip(gzipSync(""), MIB)).toHaveLength(0);
  expect((await readGzip(gzipSync(LOG), LOG.length)).toString()).toBe(LOG);
});

test("logs that were put together are read as one, also with what a tape leaves behind them", async () => {
  const joined = Buffer.concat([gzipSync("one\n"), gzipSync("two\n"), Buffer.alloc(512)]);
  expect((await readGzip(joined, MIB)).toString()).toBe("one\ntwo\n");
});

const refused = async (bytes: Buffer, words: string): Promise<void> => {
  const error = await readGzip(bytes, MIB).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ArchiveError);
  expect((error as ArchiveError).message).toBe(words);
};

test("one that is cut short is told, wherever that is", async () => {
  const whole = gzipSync(LOG);
  for (let length = 2; length < whole.length; length += 1) {
    await refused(whole.subarray(0, length), "damaged: it is cut short, its end is missing");
  }
});

test("one that was altered is told", async () => {
  const whole = gzipSync(LOG);
  // The checksum is in the last eight bytes.
  whole.writeUInt8(whole.readUInt8(whole.length - 8) ^ 1, whole.length - 8);
  await refused(whole, "damaged: it cannot be unpacked");
  await refused(Buffer.from("1f8b090000000000", "hex"), "damaged: it cannot be unpacked");
});

test("a bomb is refused, in one piece or in many", async () => {
  await refused(gzipSync(Buffer.alloc(MIB + 1)), "too large: it unpacks to more than 1 MiB");
  const piece = gzipSync(Buffer.alloc(MIB / 2));
  await refused(Buffer.concat([piece, piece, piece]), "too large: it unpacks to more than 1 MiB");
});

test("what is no gzip file is called what it is", async () => {
  await refused(Buffer.alloc(0), "no gzip file, but an empty file");
  await refused(Buffer.from(LOG), "no gzip file, but plain text");
  await refused(makeZip([{ name: "a" }]), "no gzip file, but a zip archive");
});
