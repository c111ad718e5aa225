import { buffer } from "node:stream/consumers";
import { crc32, inflateRaw, type ZlibOptions } from "node:zlib";
import { type Entry, fromBufferPromise, getFileNameLowLevel, type LocalFileHeader, type ZipFile } from "yauzl";
import { ZipFile as ZipWriter } from "yazl";
import { printable } from "../model/text.ts";
import { clash, nameProblem } from "./names.ts";
import { FORMAT_WORDS, formatOf, size } from "./words.ts";

/** One file of an archive. */
export interface ArchiveFile {
  /** Relative, with slashes, without `..`. */
  readonly name: string;
  readonly content: Buffer;
}

/** Why an archive is not read, or not written; completes "FILE: …", without a full stop. */
export class ArchiveError extends Error {}

export interface ReadLimits {
  /** Of the archive itself, and of all its files together, bytes. */
  readonly maxBytes: number;
  readonly maxUnpackedBytes: number;
  readonly maxFiles: number;
}

/** A regular file, for its owner alone. */
const MODE = 0o100600;

/** A name from outside, fit to show. */
const shown = (name: string): string => printable(name, 120);

const misfit = (name: string, problem: string): ArchiveError =>
  new ArchiveError(`holds a file whose name ${problem}${name === "" ? "" : `: ${shown(name)}`}`);

/** The same moment, whose clock face is that of UTC: the zone of the host that writes is nobody's business. */
const facingUtc = (at: Date): Date =>
  Object.assign(new Date(at), {
    getFullYear: () => at.getUTCFullYear(),
    getMonth: () => at.getUTCMonth(),
    getDate: () => at.getUTCDate(),
    getHours: () => at.getUTCHours(),
    getMinutes: () => at.getUTCMinutes(),
    getSeconds: () => at.getUTCSeconds(),
  });

const checkNames = (names: readonly string[]): void => {
  for (const name of names) {
    const problem = nameProblem(name);
    if (problem !== undefined) throw misfit(name, problem);
  }
  const twice = clash(names);
  if (twice !== undefined) throw new ArchiveError(`holds two files of the same name: ${shown(twice)}`);
};

/** An archive of these files in this order; the same input gives the same bytes. @param at when they were made */
export const writeZip = async (files: readonly ArchiveFile[], at: Date): Promise<Buffer> => {
  checkNames(files.map(({ name }) => name));
  const zip = new ZipWriter();
  const options = { mtime: facingUtc(at), mode: MODE };
  for (const { name, content } of files) zip.addBuffer(content, name, options);
  zip.end();
  return buffer(zip.outputStream);
};

/** What of an archive cannot be as it was written. */
const damaged = (what: string): ArchiveError => new ArchiveError(`damaged: ${what}`);

const SPANNED = "one part of an archive in several parts, which cannot be read alone";
const ENCRYPTED = "encrypted, and no password is asked for here";

/** The records at an archive's end (PKWARE's APPNOTE.TXT, 4.3.14 to 4.3.16). */
const END = { signature: 0x06054b50, length: 22 };
const LOCATOR = { signature: 0x07064b50, length: 20 };
const END_64 = { signature: 0x06064b50, length: 56 };
const MAX_COMMENT = 0xffff;

interface Directory {
  /** Where the list of files begins and ends, in bytes from the archive's beginning. */
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** Exact up to 2^53, and beyond that larger than any archive. */
const readLong = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64LE(offset));

const readEnd64 = (bytes: Buffer, locator: number): Directory => {
  const end = readLong(bytes, locator + 8);
  const parts = bytes.readUInt32LE(locator + 16);
  if (bytes.readUInt32LE(locator + 4) !== 0 || parts > 1) throw new ArchiveError(SPANNED);
  if (end + END_64.length > locator || bytes.readUInt32LE(end) !== END_64.signature)
    throw damaged("the end of its list of files is not where it should be");
  if (bytes.readUInt32LE(end + 16) !== 0 || bytes.readUInt32LE(end + 20) !== 0) throw new ArchiveError(SPANNED);
  const count = readLong(bytes, end + 32);
  if (readLong(bytes, end + 24) !== count) throw new ArchiveError(SPANNED);
  const start = readLong(bytes, end + 48);
  if (start + readLong(bytes, end + 40) !== end) throw damaged("its list of files is not where it should be");
  return { start, end, count };
};

/** Where the list of files is. Stricter than readers need to be: where two readers could see two lists, there is none. */
const readDirectory = (bytes: Buffer): Directory => {
  if (bytes.readUInt32LE(0) === 0x08074b50) throw new ArchiveError(SPANNED);
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(END.signature);
  const tail = Math.max(0, bytes.length - END.length - MAX_COMMENT);
  const end = bytes.length < END.length ? -1 : bytes.lastIndexOf(signature, bytes.length - END.length);
  if (end < tail) throw damaged("it is cut short, its end is missing");
  if (end + END.length + bytes.readUInt16LE(end + 20) !== bytes.length)
    throw damaged("something follows after its end");
  const locator = end - LOCATOR.length;
  if (locator >= 0 && bytes.readUInt32LE(locator) === LOCATOR.signature) return readEnd64(bytes, locator);
  const count = bytes.readUInt16LE(end + 10);
  const alone = bytes.readUInt16LE(end + 4) === 0 && bytes.readUInt16LE(end + 6) === 0;
  if (!alone || bytes.readUInt16LE(end + 8) !== count) throw new ArchiveError(SPANNED);
  const start = bytes.readUInt32LE(end + 16);
  if (start + bytes.readUInt32LE(end + 12) !== end) throw damaged("its list of files is not where it should be");
  return { start, end, count };
};

/** Encrypted, strongly encrypted, with hidden headers (APPNOTE.TXT 4.4.4). */
const LOCKED = 0x0001 | 0x0040 | 0x2000;
/** Sizes and checksum follow after the content, and may be missing before it. */
const SIZES_FOLLOW = 0x0008;
const STORED = 0;
const DEFLATED = 8;
/** Deflate makes at most so many bytes of one (https://zlib.net/zlib_tech.html). */
const MAX_RATIO = 1032;

/** The file types of Unix, in the upper half of the external attributes; 0 where the archive was made elsewhere. */
const FILE_TYPE = 0o170000;
const FOLDER = 0o040000;
const TYPES: ReadonlyMap<number, string> = new Map([
  [0o120000, "a symbolic link"],
  [0o020000, "a device"],
  [0o060000, "a device"],
  [0o010000, "a named pipe"],
  [0o140000, "a socket"],
]);

/** A file that may be unpacked, as the list has it. */
interface Listed {
  readonly name: string;
  readonly entry: Entry;
}

/** What the list says of an entry, if that may be: undefined of a folder. */
const judge = (entry: Entry): Listed | undefined => {
  const name = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
  if ((entry.generalPurposeBitFlag & LOCKED) !== 0) throw new ArchiveError(ENCRYPTED);
  const isFolder = name.endsWith("/");
  const problem = nameProblem(isFolder ? name.slice(0, -1) : name);
  if (problem !== undefined) throw misfit(name, problem);
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  const what = TYPES.get(type);
  if (what !== undefined) throw new ArchiveError(`holds ${what}, which is not read: ${shown(name)}`);
  if (isFolder) return undefined;
  if (type === FOLDER) throw damaged(`${shown(name)} is written as a folder and as a file`);
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    throw new ArchiveError(
      `packed in a way that is not read here (method ${entry.compressionMethod}; stored and deflate are): ${shown(name)}`,
    );
  if (entry.uncompressedSize > (entry.compressedSize + 1) * MAX_RATIO)
    throw damaged(`${shown(name)} cannot be as large as it says`);
  return { name, entry };
};

/** How far the list was read, in bytes from the archive's beginning; the package's types take it for something else. */
const cursorOf = (zip: ZipFile): number => Number(zip.readEntryCursor);

/** The list of files; nothing is unpacked before all of it has been judged. */
const readList = async (zip: ZipFile, { end }: Directory, limits: ReadLimits): Promise<readonly Listed[]> => {
  const files: Listed[] = [];
  let unpacked = 0;
  for await (const entry of zip.eachEntry()) {
    unpacked += entry.uncompressedSize;
    const listed = judge(entry);
    if (listed) files.push(listed);
    if (unpacked > limits.maxUnpackedBytes)
      throw new ArchiveError(`too large: it unpacks to more than ${size(limits.maxUnpackedBytes)}`);
  }
  if (cursorOf(zip) !== end) throw damaged("it does not hold as many files as it says");
  const twice = clash(files.map(({ name }) => name));
  if (twice !== undefined) throw new ArchiveError(`holds two files of the same name: ${shown(twice)}`);
  return files;
};

/** Stands for a size that is told elsewhere, in 64 bits. */
const ELSEWHERE = 0xffffffff;

/** Whether the header before the content tells the same as the list: other programs may go by that one. */
const agrees = (entry: Entry, header: LocalFileHeader): boolean => {
  const same = (told: number, listed: number): boolean => told === listed || told === ELSEWHERE;
  return (
    header.fileName.equals(entry.fileNameRaw) &&
    header.compressionMethod === entry.compressionMethod &&
    (header.generalPurposeBitFlag & LOCKED) === 0 &&
    ((header.generalPurposeBitFlag & SIZES_FOLLOW) !== 0 ||
      (header.crc32 === entry.crc32 &&
        same(header.compressedSize, entry.compressedSize) &&
        same(header.uncompressedSize, entry.uncompressedSize)))
  );
};

/** A file that may be unpacked, with its content as it is packed. */
interface Packed extends Listed {
  readonly packed: Buffer;
}

/** Where the files lie, each on its own: in some bombs, they share their content. */
const locate = async (
  bytes: Buffer,
  zip: ZipFile,
  files: readonly Listed[],
  start: number,
): Promise<readonly Packed[]> => {
  const located: (Packed & { readonly begin: number; readonly end: number })[] = [];
  for (const { name, entry } of files) {
    const header = await zip.readLocalFileHeaderPromise(entry);
    if (!agrees(entry, header)) throw damaged(`${shown(name)} is not what the list of files says`);
    const end = header.fileDataStart + entry.compressedSize;
    const packed = bytes.subarray(header.fileDataStart, end);
    located.push({ name, entry, packed, begin: entry.relativeOffsetOfLocalHeader, end });
  }
  const inOrder = [...located].sort((a, b) => a.begin - b.begin);
  for (const [index, { name, end }] of inOrder.entries()) {
    if (end > (inOrder[index + 1]?.begin ?? start)) throw damaged(`${shown(name)} reaches into what follows`);
  }
  return located;
};

/** Inflates what is to become `length` bytes, no more and no fewer, with no byte left over. */
const inflate = (packed: Buffer, length: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    // One piece of memory, of the size that it should need: a longer one ends it.
    const options: ZlibOptions = { chunkSize: Math.max(64, length + 1), maxOutputLength: length + 1, info: true };
    inflateRaw(packed, options, (error, result) => {
      if (error) {
        reject(error);
        return;
      }
      // The types do not know what `info` asks for.
      const { buffer: content, engine } = result as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
      if (content.length === length && engine.bytesWritten === packed.length) resolve(content);
      else reject(new Error("another size"));
    });
  });

const unpack = async ({ name, entry, packed }: Packed): Promise<ArchiveFile> => {
  const content =
    entry.compressionMethod === STORED
      ? packed
      : await inflate(packed, entry.uncompressedSize).catch(() => {
          throw damaged(`${shown(name)} cannot be unpacked, or not to the size that it should have`);
        });
  if (crc32(content) !== entry.crc32) throw damaged(`${shown(name)} was altered, its checksum is wrong`);
  return { name, content };
};

const ENTRY = { signature: 0x02014b50, length: 46 };
const STRONGLY = 0x0040;

/** Why the reader gave up at an entry of the list; it does so at once for what is strongly encrypted. */
const givenUp = (bytes: Buffer, cursor: number): ArchiveError =>
  cursor + ENTRY.length <= bytes.length &&
  bytes.readUInt32LE(cursor) === ENTRY.signature &&
  (bytes.readUInt16LE(cursor + 8) & STRONGLY) !== 0
    ? new ArchiveError(ENCRYPTED)
    : damaged("its list of files cannot be read");

/**
 * The files of an archive from anywhere, in the order of its list; folders are passed over. What a file holds may share
 * the memory of `bytes`. Whatever is not as it should be is an ArchiveError, and then nothing is read.
 */
export const readZip = async (bytes: Buffer, limits: ReadLimits): Promise<readonly ArchiveFile[]> => {
  if (bytes.length > limits.maxBytes)
    throw new ArchiveError(`too large: it has ${size(bytes.length)}, and at most ${size(limits.maxBytes)} are read`);
  const format = formatOf(bytes);
  if (format !== "zip") throw new ArchiveError(`no zip archive, but ${FORMAT_WORDS[format]}`);
  const directory = readDirectory(bytes);
  if (directory.count > limits.maxFiles)
    throw new ArchiveError(`too many files: it has ${directory.count}, and at most ${limits.maxFiles} are read`);
  let zip: ZipFile | undefined;
  try {
    zip = await fromBufferPromise(bytes, { decodeStrings: false });
    const files = await locate(bytes, zip, await readList(zip, directory, limits), directory.start);
    const unpacked: ArchiveFile[] = [];
    // One after the other: no more memory than for one is in use beside what is kept.
    for (const file of files) unpacked.push(await unpack(file));
    return unpacked;
  } catch (error) {
    throw error instanceof ArchiveError ? error : givenUp(bytes, zip ? cursorOf(zip) : bytes.length);
  } finally {
    zip?.close();
  }
};
