import { crc32, deflateRawSync } from "node:zlib";

/** What a zip says of a file; it is said twice, before the content and in the list at the end. */
export interface ZipFields {
  readonly name: string | Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly extra: Buffer;
}

/** A file of a zip, with whatever is not to be true of it. */
export interface ZipPart extends Partial<ZipFields> {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** As it stands in the archive, where that is not the content packed by `method`. */
  readonly packed?: Buffer;
  /** A file's type and rights, as of stat. */
  readonly mode?: number;
  /** Of the header before the content alone, and of the list alone. */
  readonly local?: Partial<ZipFields>;
  readonly listed?: Partial<ZipFields> & { readonly offset?: number };
}

/** What the end of a zip says, with whatever is not to be true. */
export interface ZipEnd {
  readonly disk?: number;
  readonly listDisk?: number;
  readonly countHere?: number;
  readonly count?: number;
  readonly listSize?: number;
  readonly listOffset?: number;
  readonly comment?: Buffer;
  /** With the records of zip64, whose numbers count then. */
  readonly zip64?: boolean;
  readonly locator?: { readonly offset?: number; readonly disk?: number; readonly disks?: number };
}

/** Numbers of 2, 4 or 8 bytes, one after the other, the lowest byte first. */
const record = (...fields: readonly (readonly [bytes: 2 | 4 | 8, value: number | bigint])[]): Buffer =>
  Buffer.concat(
    fields.map(([bytes, value]) => {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt(value));
      return field.subarray(0, bytes);
    }),
  );

/** An extra field of a header. */
export const extraField = (id: number, data: Buffer): Buffer =>
  Buffer.concat([record([2, id], [2, data.length]), data]);

/** The extra field with sizes and offset in 64 bits, in this order, as far as they are told there. */
export const zip64Field = (...values: readonly (number | bigint)[]): Buffer =>
  extraField(1, record(...values.map((value) => [8, value] as const)));

const UTF8 = 0x0800;

const headerFields = ({ flags, method, crc, packedSize, size, name, extra }: ZipFields): Buffer =>
  record(
    ...([
      [2, flags],
      [2, method],
      [2, 0],
      [2, 0x21],
      [4, crc],
      [4, packedSize],
      [4, size],
    ] as const),
    ...([
      [2, Buffer.from(name).length],
      [2, extra.length],
    ] as const),
  );

/** A zip as APPNOTE.TXT has it, byte for byte, but for what the caller says otherwise. */
export const makeZip = (parts: readonly ZipPart[], end: ZipEnd = {}): Buffer => {
  const before: Buffer[] = [];
  const list: Buffer[] = [];
  let offset = 0;
  for (const { content = "", packed, mode = 0o100600, local, listed, ...given } of parts) {
    const plain = Buffer.from(content);
    const method = given.method ?? 8;
    const body = packed ?? (method === 8 ? deflateRawSync(plain) : plain);
    const truth: ZipFields = {
      flags: UTF8,
      method,
      crc: crc32(plain),
      packedSize: body.length,
      size: plain.length,
      extra: Buffer.alloc(0),
      ...given,
    };
    const first: ZipFields = { ...truth, ...local };
    const second = { ...truth, offset, ...listed };
    const header = Buffer.concat([
      record([4, 0x04034b50], [2, 20]),
      ...[headerFields(first), Buffer.from(first.name), first.extra],
    ]);
    before.push(header, body);
    list.push(
      record([4, 0x02014b50], [2, 0x033f], [2, 20]),
      ...[headerFields(second), record([2, 0], [2, 0], [2, 0], [2, mode === 0o40000 ? 0x10 : 0], [2, mode])],
      ...[record([4, second.offset]), Buffer.from(second.name), second.extra],
    );
    offset += header.length + body.length;
  }
  const listBytes = Buffer.concat(list);
  const { disk = 0, listDisk = 0, count = parts.length, comment = Buffer.alloc(0) } = end;
  const { countHere = count, listSize = listBytes.length, listOffset = offset } = end;
  const { locator = {}, zip64 = false } = end;
  const records64 = [
    ...[record([4, 0x06064b50], [8, 44], [2, 0x033f], [2, 45], [4, disk], [4, listDisk], [8, countHere], [8, count])],
    record([8, listSize], [8, listOffset]),
    record([4, 0x07064b50], [4, locator.disk ?? 0], [8, locator.offset ?? offset + listBytes.length]),
    record([4, locator.disks ?? 1]),
  ];
  const last = zip64
    ? record([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, 0xffffffff], [4, 0xffffffff])
    : record([4, 0x06054b50], [2, disk], [2, listDisk], [2, countHere], [2, count], [4, listSize], [4, listOffset]);
  return Buffer.concat([
    ...before,
    listBytes,
    ...(zip64 ? records64 : []),
    ...[last, record([2, comment.length]), comment],
  ]);
};
