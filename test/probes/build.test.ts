import { execFileSync } from "node:child_process";
import { existsSync, truncateSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { probeBuild } from "../../src/probes/build.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

let folder: Folder | undefined;
afterEach(() => {
  folder?.remove();
  folder = undefined;
});

/** A small ELF file: what a linker writes, as far as the probe looks at it. */
interface Program {
  readonly wide?: boolean;
  readonly little?: boolean;
  /** Names that it wants from libraries, and names of its own. */
  readonly imports?: readonly string[];
  readonly exports?: readonly string[];
  /** Go's version: inline as since 1.18, or behind a pointer as before. */
  readonly version?: string;
  readonly pointer?: boolean;
  /** A section of Go's besides. */
  readonly goSection?: string;
  /** In place of the real size of the table of symbols. */
  readonly symbolBytes?: number;
}

/** Where the file's first byte is in memory: what pointers are relative to. */
const BASE = 0x400000;

const elf = ({
  wide = true,
  little = true,
  imports = [],
  exports = [],
  version,
  pointer = false,
  goSection = ".gopclntab",
  symbolBytes,
}: Program): Buffer => {
  const number = (value: number, bytes: number): Buffer => {
    const buffer = Buffer.alloc(bytes);
    if (bytes === 8) little ? buffer.writeBigUInt64LE(BigInt(value)) : buffer.writeBigUInt64BE(BigInt(value));
    else little ? buffer.writeUIntLE(value, 0, bytes) : buffer.writeUIntBE(value, 0, bytes);
    return buffer;
  };
  const long = (value: number): Buffer => number(value, wide ? 8 : 4);
  const headerSize = wide ? 64 : 52;
  const segmentSize = wide ? 56 : 32;
  const sectionSize = wide ? 64 : 40;
  const parts: Buffer[] = [Buffer.alloc(headerSize + segmentSize)];
  const place = (content: Buffer): { readonly offset: number; readonly size: number } => {
    const offset = parts.reduce((sum, { length }) => sum + length, 0);
    // The next part begins at a multiple of 16 again.
    parts.push(content, Buffer.alloc(-(offset + content.length) & 15));
    return { offset, size: content.length };
  };
  const namesOf = (list: readonly string[]): { readonly table: Buffer; readonly at: readonly number[] } => {
    const table = Buffer.from(`\0${list.map((name) => `${name}\0`).join("")}`, "latin1");
    return { table, at: list.map((name) => table.indexOf(`\0${name}\0`) + 1) };
  };
  const sections: { name: string; type: number; offset: number; size: number; link: number }[] = [
    { name: "", type: 0, offset: 0, size: 0, link: 0 },
  ];
  const symbolNames = namesOf([...imports, ...exports]);
  const symbols = symbolNames.at.map((at, index) => {
    const definedIn = number(index < imports.length ? 0 : 1, 2);
    return wide
      ? Buffer.concat([number(at, 4), Buffer.alloc(2), definedIn, Buffer.alloc(16)])
      : Buffer.concat([number(at, 4), Buffer.alloc(10), definedIn]);
  });
  if (symbols.length > 0) {
    const table = place(Buffer.concat([Buffer.alloc(wide ? 24 : 16), ...symbols]));
    sections.push({ name: ".dynsym", type: 11, ...table, size: symbolBytes ?? table.size, link: 2 });
    sections.push({ name: ".dynstr", type: 3, ...place(symbolNames.table), link: 0 });
  }
  if (goSection !== "") sections.push({ name: goSection, type: 1, ...place(Buffer.alloc(16)), link: 0 });
  if (version !== undefined) {
    const start = [Buffer.from("\u00ff Go buildinf:", "latin1"), Buffer.from([wide ? 8 : 4])];
    let blob: Buffer;
    if (pointer) {
      const text = place(Buffer.from(version));
      const string = place(Buffer.concat([long(BASE + text.offset), long(text.size)]));
      blob = Buffer.concat([...start, Buffer.from([little ? 0 : 1]), long(BASE + string.offset), Buffer.alloc(16)]);
    } else {
      const length = Buffer.from([version.length]);
      blob = Buffer.concat([
        ...start,
        Buffer.from([2]),
        Buffer.alloc(16),
        length,
        Buffer.from(version),
        Buffer.alloc(1),
      ]);
    }
    sections.push({ name: ".go.buildinfo", type: 1, ...place(blob), link: 0 });
  }
  sections.push({ name: ".shstrtab", type: 3, offset: 0, size: 0, link: 0 });
  const names = namesOf(sections.map(({ name }) => name).filter((name) => name !== ""));
  const last = sections.length - 1;
  sections[last] = { name: ".shstrtab", type: 3, ...place(names.table), link: 0 };
  const headers = place(
    Buffer.concat(
      sections.map(({ type, offset, size, link }, index) => {
        const at = index === 0 ? 0 : (names.at[index - 1] as number);
        const head = [number(at, 4), number(type, 4), long(0), long(0), long(offset), long(size), number(link, 4)];
        return Buffer.concat([...head, Buffer.alloc(sectionSize)]).subarray(0, sectionSize);
      }),
    ),
  );
  const whole = Buffer.concat(parts);
  const head = Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]),
    Buffer.alloc(9),
    Buffer.alloc(8),
    long(0),
    long(headerSize),
    long(headers.offset),
    number(0, 4),
    ...[headerSize, segmentSize, 1, sectionSize, sections.length, last].map((value) => number(value, 2)),
  ]);
  const [offset, address, size] = [long(0), long(BASE), long(whole.length)];
  const segment = wide
    ? Buffer.concat([number(1, 4), number(6, 4), offset, address, address, size])
    : Buffer.concat([number(1, 4), offset, address, address, size]);
  head.copy(whole);
  segment.copy(whole, headerSize);
  return whole;
};

const probe = (content: Buffer | string) => {
  folder = makeFolder();
  return probeBuild(folder.write("program", content));
};

describe.each([
  ["64 bits, little-endian", true, true],
  ["64 bits, big-endian", true, false],
  ["32 bits, little-endian", false, true],
  ["32 bits, big-endian", false, false],
] as const)("a Go program of %s", (_what, wide, little) => {
  test("that imports getaddrinfo can leave names to the C library", async () => {
    const program = elf({ wide, little, imports: ["free", "getaddrinfo"], version: "go1.19.8" });
    expect(await probe(program)).toEqual({
      ok: true,
      elapsedMs: expect.any(Number),
      resolver: "libc",
      goVersion: "go1.19.8",
    });
  });

  test("that imports other things resolves by itself", async () => {
    const imports = ["free", "freeaddrinfo", "xgetaddrinfo", "getaddrinfo_a"];
    expect(await probe(elf({ wide, little, imports, version: "go1.24.4" }))).toMatchObject({
      resolver: "go",
      goVersion: "go1.24.4",
    });
  });

  test("that is linked statically resolves by itself", async () => {
    expect(await probe(elf({ wide, little, version: "go1.24.4" }))).toMatchObject({ ok: true, resolver: "go" });
  });

  test("of before 1.18 has its version behind a pointer", async () => {
    const program = elf({ wide, little, version: "go1.16.15", pointer: true });
    expect(await probe(program)).toMatchObject({ resolver: "go", goVersion: "go1.16.15" });
  });
});

test("a function of that name of the program's own is none of the C library's", async () => {
  expect(await probe(elf({ exports: ["getaddrinfo"] }))).toMatchObject({ ok: true, resolver: "go" });
});

test.each([".gopclntab", ".data.rel.ro.gopclntab", ".note.go.buildid"])(
  "a program without build info is known as Go's by its section %s, and has no version",
  async (goSection) => {
    const saw = await probe(elf({ goSection, imports: ["getaddrinfo"] }));
    expect(saw).toEqual({ ok: true, elapsedMs: expect.any(Number), resolver: "libc" });
  },
);

test.each([
  ["points nowhere", () => elf({ version: "go1.16", pointer: true }), "go1.16"],
  ["is longer than the file", () => elf({ version: "go1.24" }), "go1.24"],
])("a version that %s is left out, and the program still told", async (_what, make, version) => {
  const program = make();
  // The length of the text, inline or in front of its address.
  const inline = program.indexOf(Buffer.concat([Buffer.from([version.length]), Buffer.from(version)]));
  if (inline === -1) program.writeUInt32LE(0xfff, program.indexOf(" Go buildinf:") + 15);
  else program[inline] = 127;
  expect(await probe(program)).toEqual({ ok: true, elapsedMs: expect.any(Number), resolver: "go" });
});

test("a version cannot bring control characters into a report", async () => {
  expect(await probe(elf({ version: "go1\u001b[2J" }))).toMatchObject({ goVersion: "go1 [2J" });
});

test.each([
  ["a program of another language", () => elf({ goSection: "", imports: ["getaddrinfo"] }), "not a Go program"],
  ["a text", () => "#!/bin/sh\nexec /usr/lib/crowdsec\n", "not an ELF file"],
  ["an empty file", () => "", "cut short"],
  ["the beginning of a program", () => elf({}).subarray(0, 40), "cut short"],
  ["a program that is cut short", () => elf({ imports: ["free"] }).subarray(0, -80), "cut short"],
  [
    "a table of symbols of a gigabyte",
    () => elf({ imports: ["free"], symbolBytes: 2 ** 30 }),
    "a table that no program has",
  ],
  ["a table of symbols beyond the end", () => elf({ imports: ["free"], symbolBytes: 900_000 }), "cut short"],
])("%s is a failure that says so", async (_what, make, message) => {
  expect(await probe(make())).toMatchObject({ ok: false, phase: "host", code: "file-error", message });
});

test("a packed program, which has no sections, is a failure that says so", async () => {
  const program = elf({});
  program.writeUInt16LE(0, 60);
  expect(await probe(program)).toMatchObject({ code: "file-error", message: "it has no sections: a packed program" });
});

test("whatever single byte of the headers is wrong, there is an answer, and no exception", async () => {
  const program = elf({ imports: ["getaddrinfo"], version: "go1.19.8" });
  const made = makeFolder();
  folder = made;
  const codes = new Set<string>();
  for (let at = 0; at < program.length; at++) {
    const broken = Buffer.from(program);
    broken[at] = 0xff;
    const saw = await probeBuild(made.write("program", broken));
    codes.add(saw.ok ? saw.resolver : saw.code);
  }
  expect([...codes].sort()).toEqual(["file-error", "go", "libc"]);
});

test("Node's own program, which imports getaddrinfo, is not Go's", async () => {
  expect(await probeBuild(process.execPath)).toMatchObject({
    ok: false,
    code: "file-error",
    message: "not a Go program",
  });
});

test("a program of a hundred megabytes is read in its headers only", async () => {
  folder = makeFolder();
  const path = folder.write("program", elf({ imports: ["getaddrinfo"] }));
  // Of holes, which a whole read would have to fill.
  truncateSync(path, 4 * 1024 ** 3);
  const saw = await probeBuild(path);
  expect(saw).toMatchObject({ ok: true, resolver: "libc" });
  expect(saw.elapsedMs).toBeLessThan(1000);
});

test("a missing file, a folder and a pipe are failures, and none of them a hang", async () => {
  folder = makeFolder();
  const pipe = `${folder.path}/pipe`;
  execFileSync("mkfifo", [pipe]);
  expect(await probeBuild(`${folder.path}/nothing`)).toMatchObject({ ok: false, code: "file-missing" });
  expect(await probeBuild(folder.path)).toMatchObject({ code: "file-error", message: "not a regular file" });
  expect(await probeBuild(pipe)).toMatchObject({ code: "file-error", message: "not a regular file" });
});

const LAB = ".lab/unpacked/usr/bin";
const inLab = existsSync(`${LAB}/crowdsec`) ? test : test.skip;
inLab.each(["crowdsec", "cscli", "crowdsec-firewall-bouncer"])(
  "Debian's %s is built with cgo, by the Go of Debian 12",
  async (name) => {
    expect(await probeBuild(`${LAB}/${name}`)).toMatchObject({ ok: true, resolver: "libc", goVersion: "go1.19.8" });
  },
);
