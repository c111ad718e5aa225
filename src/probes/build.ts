import { type FileHandle, open, stat } from "node:fs/promises";
import type { BuildObservation } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { answers, locate } from "./filesystem.ts";

/** An ELF file has a few dozen sections and a dozen segments. */
const MAX_HEADERS = 1024;
/** Of one table, bytes: a Go program's are of a few kilobytes. */
const MAX_TABLE = 1024 * 1024;
/** Of Go's version, bytes. */
const MAX_VERSION = 256;
const MAGIC = "\u007fELF";
/** debug/buildinfo in golang/go: this, the size of a pointer, and flags. */
const BUILD_INFO = "\u00ff Go buildinf:";
const BUILD_INFO_HEADER = 32;
const SYMBOLS = 11;
const LOADED = 1;

/** What is no ELF file, or is cut short or broken. */
class NotElf extends Error {}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** The number of the section that belongs to it: of symbols, their names. */
  readonly link: number;
}

/** A part of the file that is mapped into memory. */
interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads numbers of either byte order and size. */
interface Layout {
  readonly wide: boolean;
  readonly half: (from: Buffer, at: number) => number;
  readonly word: (from: Buffer, at: number) => number;
  /** An address or offset: 4 bytes or 8. */
  readonly long: (from: Buffer, at: number) => number;
}

const layoutOf = (wide: boolean, little: boolean): Layout => {
  const word = (from: Buffer, at: number): number => (little ? from.readUInt32LE(at) : from.readUInt32BE(at));
  const half = (from: Buffer, at: number): number => (little ? from.readUInt16LE(at) : from.readUInt16BE(at));
  const double = (from: Buffer, at: number): number =>
    Number(little ? from.readBigUInt64LE(at) : from.readBigUInt64BE(at));
  return { wide, half, word, long: wide ? double : word };
};

const readAt = async (file: FileHandle, offset: number, size: number, limit = MAX_TABLE): Promise<Buffer> => {
  if (size > limit || !Number.isSafeInteger(offset)) throw new NotElf("a table that no program has");
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, offset);
  if (bytesRead < size) throw new NotElf("cut short");
  return buffer;
};

/** The text that begins there and ends with a NUL byte. */
const textAt = (names: Buffer, at: number): string => {
  const end = names.indexOf(0, at);
  return at < names.length && end !== -1 ? names.toString("latin1", at, end) : "";
};

const readTables = async (file: FileHandle) => {
  const start = await readAt(file, 0, 16);
  if (start.toString("latin1", 0, MAGIC.length) !== MAGIC) throw new NotElf("not an ELF file");
  const layout = layoutOf(start[4] === 2, start[5] === 1);
  const { wide, half, word, long } = layout;
  const header = await readAt(file, 0, wide ? 64 : 52);
  // After 16 bytes of identification and 8 of kinds: entry, program headers, section headers.
  const [programs, sections] = wide ? [long(header, 32), long(header, 40)] : [long(header, 28), long(header, 32)];
  const tail = wide ? 54 : 42;
  const [segmentSize, segmentCount] = [half(header, tail), half(header, tail + 2)];
  const [sectionSize, sectionCount, namesIndex] = [
    half(header, tail + 4),
    half(header, tail + 6),
    half(header, tail + 8),
  ];
  if (sectionCount === 0) throw new NotElf("it has no sections: a packed program");
  if (sectionCount > MAX_HEADERS || segmentCount > MAX_HEADERS) throw new NotElf("more headers than a program has");
  if (sectionSize < (wide ? 64 : 40) || (segmentCount > 0 && segmentSize < (wide ? 56 : 32))) {
    throw new NotElf("headers of another size");
  }
  const table = await readAt(file, sections, sectionSize * sectionCount);
  const raw = Array.from({ length: sectionCount }, (_, index) => {
    const at = index * sectionSize;
    const place = wide
      ? { offset: long(table, at + 24), size: long(table, at + 32), link: word(table, at + 40) }
      : { offset: long(table, at + 16), size: long(table, at + 20), link: word(table, at + 24) };
    return { nameAt: word(table, at), type: word(table, at + 4), ...place };
  });
  const nameTable = raw[namesIndex];
  const names = nameTable ? await readAt(file, nameTable.offset, nameTable.size) : Buffer.alloc(0);
  const headers = segmentCount > 0 ? await readAt(file, programs, segmentSize * segmentCount) : Buffer.alloc(0);
  const [offset, address, size] = wide ? [8, 16, 32] : [4, 8, 16];
  const segments = Array.from({ length: segmentCount }, (_, index) => {
    const at = index * segmentSize;
    const place = { offset: long(headers, at + offset), address: long(headers, at + address) };
    return { type: word(headers, at), segment: { ...place, size: long(headers, at + size) } };
  });
  return {
    layout,
    sections: raw.map(({ nameAt, ...section }): Section => ({ ...section, name: textAt(names, nameAt) })),
    segments: segments.flatMap(({ type, segment }): Segment[] => (type === LOADED ? [segment] : [])),
  };
};

type Tables = Awaited<ReturnType<typeof readTables>>;

/** Whether it asks for this function of a library: an undefined symbol of that name. */
const imports = async (file: FileHandle, { layout, sections }: Tables, wanted: string): Promise<boolean> => {
  const symbols = sections.find(({ type }) => type === SYMBOLS);
  const names = symbols && sections[symbols.link];
  if (symbols === undefined || names === undefined) return false;
  const [table, text] = await Promise.all([
    readAt(file, symbols.offset, symbols.size),
    readAt(file, names.offset, names.size),
  ]);
  const [each, definedAt] = layout.wide ? [24, 6] : [16, 14];
  for (let at = 0; at + each <= table.length; at += each) {
    if (layout.half(table, at + definedAt) === 0 && textAt(text, layout.word(table, at)) === wanted) return true;
  }
  return false;
};

/** Go's version, from the build info: inline since Go 1.18, before that behind a pointer to a string. */
const readVersion = async (file: FileHandle, { sections, segments }: Tables): Promise<string | undefined> => {
  const section = sections.find(({ name }) => name === ".go.buildinfo");
  if (section === undefined || section.size < BUILD_INFO_HEADER) return undefined;
  const blob = await readAt(file, section.offset, Math.min(section.size, BUILD_INFO_HEADER + MAX_VERSION));
  const flags = blob[15] ?? 0;
  if (blob.toString("latin1", 0, BUILD_INFO.length) !== BUILD_INFO) return undefined;
  if ((flags & 2) !== 0) {
    // The length is a varint: below 128, one byte.
    const length = blob[BUILD_INFO_HEADER] ?? 0;
    const from = BUILD_INFO_HEADER + 1;
    return length < 128 && from + length <= blob.length ? blob.toString("utf8", from, from + length) : undefined;
  }
  const { long } = layoutOf(blob[14] === 8, (flags & 1) === 0);
  const width = blob[14] === 8 ? 8 : 4;
  const readMemory = async (address: number, size: number): Promise<Buffer | undefined> => {
    const segment = segments.find((one) => address >= one.address && address + size <= one.address + one.size);
    return segment && readAt(file, segment.offset + address - segment.address, size, MAX_VERSION);
  };
  const text = await readMemory(long(blob, 16), 2 * width);
  const bytes = text && (await readMemory(long(text, 0), long(text, width)));
  return bytes?.toString("utf8");
};

/** Sections that Go's linker makes, with one that every version does: without it a panic could not say where. */
const GO = /^(\.go\.buildinfo|\.note\.go\.buildid|(\.data\.rel\.ro)?\.gopclntab)$/;

const readBuild = async (file: FileHandle, elapsed: () => number): Promise<BuildObservation> => {
  const tables = await readTables(file);
  if (!tables.sections.some(({ name }) => GO.test(name))) {
    return failed("host", "file-error", "not a Go program", elapsed());
  }
  const libc = await imports(file, tables, "getaddrinfo");
  // The version is a help; a program is no other one without it.
  const goVersion = await readVersion(file, tables).catch(() => undefined);
  return {
    ok: true,
    elapsedMs: elapsed(),
    resolver: libc ? "libc" : "go",
    ...(goVersion && { goVersion: printable(goVersion, 60) }),
  };
};

/**
 * How a Go program resolves names, from its own file: one that imports getaddrinfo can leave them to the C library; one
 * built with the tag `netgo`, or without cgo, has no way to (net/cgo_unix.go in golang/go). One that is linked statically
 * counts as the latter: nobody links the C library's resolver in, which would look for its modules at run time. Reads
 * headers and the tables of imported names only, some 20 KB of a file of a hundred megabytes.
 */
export const probeBuild = async (path: string): Promise<BuildObservation> => {
  const elapsed = stopwatch();
  if (!(await answers(path, await locate(path)))) return failed("host", "file-error", "no answer", elapsed());
  try {
    // Opening a FIFO would wait for its writer: look first.
    if (!(await stat(path)).isFile()) return failed("host", "file-error", "not a regular file", elapsed());
    const file = await open(path, "r");
    try {
      return await readBuild(file, elapsed);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof NotElf) return failed("host", "file-error", error.message, elapsed());
    return failure("host", error, elapsed());
  }
};
