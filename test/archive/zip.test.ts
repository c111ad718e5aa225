import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { symlinkSync } from "node:fs";
import { resolve } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "@jest/globals";
import { ArchiveError, type ArchiveFile, type ReadLimits, readZip, writeZip } from "../../src/archive/zip.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";
import { extraField, makeZip, type ZipEnd, type ZipPart, zip64Field } from "../support/zips.ts";

const compiled = makeFolder();
afterAll(compiled.remove);
// From there, packages are found where they are here.
symlinkSync(resolve("node_modules"), `${compiled.path}/node_modules`);
const module = compileInto(compiled, ["archive/zip", "archive/names", "archive/words", "model/text"]);

const AT = new Date("2024-05-06T07:08:10Z");
/** A program that writes an archive of one file to its output, in base64. */
const WRITER = `
  const { writeZip } = await import(${JSON.stringify(module)});
  const made = await writeZip([{ name: "a", content: Buffer.from("content") }], new Date(${AT.getTime()}));
  process.stdout.write(made.toString("base64"));
`;
const MIB = 1024 * 1024;
const LIMITS: ReadLimits = { maxBytes: MIB, maxUnpackedBytes: 2 * MIB, maxFiles: 20 };

const file = (name: string, content: string | Buffer = ""): ArchiveFile => ({ name, content: Buffer.from(content) });

/** The sentence with which an archive is refused. */
const refusal = async (bytes: Buffer, limits = LIMITS): Promise<string> => {
  const error = await readZip(bytes, limits).then(
    (files) => new Error(`read ${files.length} files`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ArchiveError)) throw error;
  // One line, which follows on "FILE: ".
  expect(error.message).toMatch(/^[a-z][^\n]+$/);
  return error.message;
};

const FILES = [
  file("README.md", "# What is in here\n"),
  file("files/etc/crowdsec/config.yaml", "api:\n  server: {}\n".repeat(1000)),
  file("empty", ""),
  file("logs/höst, with blanks.log", randomBytes(70_000)),
  file("A b", "x"),
];

describe("writing", () => {
  test("what is written can be read again, in the same order", async () => {
    expect(await readZip(await writeZip(FILES, AT), LIMITS)).toEqual(FILES);
    expect(await readZip(await writeZip([], AT), LIMITS)).toEqual([]);
  });

  test("the same files make the same bytes, in whatever time zone", async () => {
    const zoned = ["UTC", "Pacific/Auckland", "America/Sao_Paulo"].map((zone) =>
      execFileSync(process.execPath, ["--input-type=module", "-e", WRITER], { env: { TZ: zone }, encoding: "utf8" }),
    );
    const made = Buffer.from(zoned[0] ?? "", "base64");
    expect(new Set(zoned).size).toBe(1);
    expect(made).toEqual(await writeZip([file("a", "content")], AT));
    // Of the list's first entry: 07:08:10 in UTC, on 6 May 2024.
    const entry = made.indexOf(Buffer.from("PK\x01\x02", "latin1"));
    expect(made.readUInt16LE(entry + 12)).toBe((7 << 11) | (8 << 5) | (10 / 2));
    expect(made.readUInt16LE(entry + 14)).toBe(((2024 - 1980) << 9) | (5 << 5) | 6);
  });

  test("whoever unpacks it has files that are for him alone", async () => {
    const made = await writeZip([file("a", "content")], AT);
    const entry = made.indexOf(Buffer.from("PK\x01\x02", "latin1"));
    expect(made.readUInt32LE(entry + 38) >>> 16).toBe(0o100600);
  });

  test("text gets smaller", async () => {
    expect((await writeZip([file("log", "time=x level=info msg=y\n".repeat(10_000))], AT)).length).toBeLessThan(5000);
  });

  test.each([
    ["", "is empty"],
    ["/etc/passwd", "is an absolute path"],
    ["a/../../b", "leads upwards"],
    ["a\\b", "holds a backslash"],
    ["C:/x", "begins with the letter of a drive"],
    ["a\u001b[2Jb", "holds control characters"],
    ["a/", "has an empty part"],
  ])("a name that could not be read again is not written: %j", async (name, problem) => {
    await expect(writeZip([file(name)], AT)).rejects.toThrow(ArchiveError);
    await expect(writeZip([file(name)], AT)).rejects.toThrow(problem);
  });

  test.each([
    ["the same", ["a", "a"]],
    ["the same but for the case", ["etc/A", "etc/a"]],
    ["a file and a folder", ["a/b", "a"]],
  ])("two names of which one would be lost are not written: %s", async (_what, names) => {
    await expect(
      writeZip(
        names.map((name) => file(name)),
        AT,
      ),
    ).rejects.toThrow("two files of the same name");
  });
});

describe("an archive of another program is read", () => {
  const content = "hello\n".repeat(50);

  test.each<[string, readonly ZipPart[], ZipEnd?]>([
    ["stored", [{ name: "a", content, method: 0 }]],
    ["deflated", [{ name: "a", content }]],
    ["with a comment", [{ name: "a", content }], { comment: Buffer.from("made by hand") }],
    [
      "with folders",
      [
        { name: "d/", method: 0, mode: 0o40755 },
        { name: "a", content },
      ],
    ],
    ["made on a system without file types", [{ name: "a", content, mode: 0 }]],
    [
      "with sizes after the content",
      [{ name: "a", content, flags: 0x0808, local: { crc: 0, size: 0, packedSize: 0 } }],
    ],
    ["with the numbers of zip64", [{ name: "a", content }], { zip64: true }],
    [
      "with a size of zip64",
      [
        {
          name: "a",
          content,
          method: 0,
          size: 0xffffffff,
          packedSize: 0xffffffff,
          extra: zip64Field(content.length, content.length),
        },
      ],
      { zip64: true },
    ],
  ])("%s", async (_what, parts, end = {}) => {
    expect(await readZip(makeZip(parts, end), LIMITS)).toEqual([file("a", content)]);
  });

  test("with names in the old code page", async () => {
    const made = makeZip([{ name: Buffer.from([0x68, 0x94, 0x73, 0x74]), flags: 0, content }]);
    expect(await readZip(made, LIMITS)).toEqual([file("höst", content)]);
  });
});

describe("what is no zip archive is called what it is", () => {
  test.each([
    ["an empty file", Buffer.alloc(0), "an empty file"],
    ["gzip", gzipSync("x"), "a gzip file"],
    ["a report", Buffer.from('{\n  "schema": 1 }'), "JSON text"],
    ["text", Buffer.from("time=2024 level=info\n"), "plain text"],
  ])("%s", async (_what, bytes, words) => {
    expect(await refusal(bytes)).toMatch(new RegExp(`^no zip archive, but ${words}`));
  });

  test("a program with an archive behind it", async () => {
    const program = Buffer.concat([Buffer.from("\x7fELF\x02\x01\x01\x00", "latin1"), makeZip([{ name: "a" }])]);
    expect(await refusal(program)).toBe("no zip archive, but a program");
  });
});

describe("a name that leads elsewhere is refused", () => {
  test.each<[string, string | Buffer, string]>([
    ["absolute", "/etc/cron.d/x", "is an absolute path"],
    ["upwards", "../x", "leads upwards"],
    ["upwards in the middle", "a/../../x", "leads upwards"],
    ["upwards at the end", "a/..", "leads upwards"],
    ["a folder upwards", "../", "leads upwards"],
    ["with backslashes", "..\\x", "holds a backslash"],
    ["of a drive", "c:x", "begins with the letter of a drive"],
    ["of a share", "\\\\host\\share", "holds a backslash"],
    ["cut by a NUL byte", "a\0.txt", "holds a NUL byte"],
    ["that clears the screen", "\u001b[2J", "holds control characters"],
    ["that reads backwards", "a\u202etxt.exe", "holds control characters"],
    ["none", "", "is empty"],
    ["with an empty part", "a//b", "has an empty part"],
    ["with a dot for a part", "./a", "has an empty part"],
    ["longer than a path", "a".repeat(5000), "is longer than 4096 bytes"],
  ])("%s", async (_what, name, problem) => {
    const told = await refusal(makeZip([{ name: "fine" }, { name, content: "x" }]));
    expect(told).toContain(`holds a file whose name ${problem}`);
    expect(told.length).toBeLessThan(250);
  });

  test("hidden behind a harmless one", async () => {
    const second = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), Buffer.from("../x")]);
    second.writeUInt32LE(crc32("harmless"), 1);
    const made = makeZip([{ name: "harmless", extra: extraField(0x7075, second) }]);
    expect(await refusal(made)).toContain("leads upwards");
  });
});

describe("names of which one would take the other's place are refused", () => {
  test.each([
    ["twice the same", ["a", "b", "a"]],
    ["but for the case", ["Config.yaml", "config.YAML"]],
    ["but for how an accent is written", ["h\u00f6st", "ho\u0308st"]],
    ["a file below a file", ["a", "a-b", "a/b"]],
  ])("%s", async (_what, names) => {
    expect(await refusal(makeZip(names.map((name) => ({ name }))))).toContain("holds two files of the same name: ");
  });
});

describe("what is no regular file is refused", () => {
  test.each([
    ["a symbolic link", 0o120777],
    ["a device", 0o020666],
    ["a device", 0o060660],
    ["a named pipe", 0o010600],
    ["a socket", 0o140600],
  ])("%s (%i)", async (what, mode) => {
    expect(await refusal(makeZip([{ name: "x", content: "/etc/shadow", mode }]))).toBe(
      `holds ${what}, which is not read: x`,
    );
    expect(await refusal(makeZip([{ name: "x/", mode }]))).toBe(`holds ${what}, which is not read: x/`);
  });
});

describe("what only its maker can open is refused", () => {
  test.each([
    ["encrypted", 0x0801],
    ["strongly encrypted", 0x0841],
    ["strongly encrypted, and not so before", 0x0840],
    ["with hidden headers", 0x2800],
  ])("%s", async (_what, flags) => {
    expect(await refusal(makeZip([{ name: "first" }, { name: "a", content: "x", method: 8, flags }]))).toMatch(
      /^encrypted, /,
    );
  });

  test("encrypted, which only the header before the content tells", async () => {
    const made = makeZip([{ name: "a", content: "x", local: { flags: 0x0801 } }]);
    expect(await refusal(made)).toBe("damaged: a is not what the list of files says");
  });

  test.each([1, 9, 12, 14, 93, 99])("packed by method %i", async (method) => {
    expect(await refusal(makeZip([{ name: "a", content: "x", method }]))).toBe(
      `packed in a way that is not read here (method ${method}; stored and deflate are): a`,
    );
  });
});

describe("one part of several is refused", () => {
  const PARTS = [{ name: "a", content: "x" }];
  test.each<[string, Buffer]>([
    ["the last one", makeZip(PARTS, { disk: 2, listDisk: 1 })],
    ["whose list begins in another part", makeZip(PARTS, { listDisk: 1 })],
    ["with a list of which a piece is here", makeZip(PARTS, { countHere: 1, count: 3 })],
    ["the first one", Buffer.concat([Buffer.from("PK\x07\x08", "latin1"), makeZip(PARTS)])],
    ["of zip64", makeZip(PARTS, { zip64: true, disk: 3 })],
    ["of zip64, by its locator", makeZip(PARTS, { zip64: true, locator: { disks: 2 } })],
    ["of zip64, with a piece of the list", makeZip(PARTS, { zip64: true, countHere: 0 })],
  ])("%s", async (_what, bytes) => {
    expect(await refusal(bytes)).toMatch(/^one part of an archive in several parts/);
  });
});

describe("a damaged archive is refused", () => {
  const TEXT = "level=info msg=ok\n".repeat(40);
  const packed = deflateRawSync(TEXT);
  const PARTS: readonly ZipPart[] = [
    { name: "a", content: TEXT },
    { name: "b", content: "two" },
  ];
  const whole = makeZip(PARTS);

  test("cut short, wherever that is", async () => {
    for (let length = 4; length < whole.length; length += 1) {
      expect([length, await refusal(whole.subarray(0, length))]).toEqual([length, expect.stringMatching(/^damaged: /)]);
    }
  });

  test("with one bit turned, wherever it is: refused, or not another content", async () => {
    const wanted = [file("a", TEXT), file("b", "two")].map(({ content }) => content);
    let refused = 0;
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const altered = Buffer.from(whole);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const got = await readZip(altered, LIMITS).catch((error: unknown) => error);
      if (got instanceof ArchiveError) refused += 1;
      else expect([bit, (got as ArchiveFile[]).map(({ content }) => content)]).toEqual([bit, wanted]);
    }
    // The rest are times, versions, and the like.
    expect(refused).toBeGreaterThan(whole.length * 4);
  }, 90_000);

  const damages: readonly (readonly [string, Buffer, RegExp])[] = [
    ["a wrong checksum", makeZip([{ name: "a", content: TEXT, crc: 1 }]), /a was altered/],
    ["a wrong checksum of what is stored", makeZip([{ name: "a", content: "x", method: 0, crc: 1 }]), /a was altered/],
    ["more than it says", makeZip([{ name: "a", content: TEXT, size: 10 }]), /not to the size/],
    ["less than it says", makeZip([{ name: "a", content: TEXT, size: 1000 }]), /not to the size/],
    ["nothing where something was promised", makeZip([{ name: "a", size: 5, packed: Buffer.alloc(0) }]), /cannot be/],
    ["garbage in place of deflate", makeZip([{ name: "a", content: TEXT, packed: randomBytes(99) }]), /cannot be/],
    [
      "something hidden behind the content",
      makeZip([{ name: "a", content: TEXT, packed: Buffer.concat([packed, Buffer.from("hidden")]) }]),
      /not to the size/,
    ],
    ["a stored file of two sizes", makeZip([{ name: "a", content: "abc", method: 0, size: 2 }]), /list of files/],
    ["a content that reaches past the end", makeZip([{ name: "a", content: "x", packedSize: 5000 }]), /list of files/],
    ["a content that reaches into the list", makeZip([{ name: "a", content: "x", packedSize: 20 }]), /reaches into/],
    [
      "two files that share their content",
      makeZip([
        { name: "a", content: TEXT },
        { name: "a", content: TEXT, listed: { name: "b", offset: 0 }, local: { name: "b" } },
      ]),
      /b is not what the list/,
    ],
    [
      "two files of which one lies in the other",
      (() => {
        const inner = makeZip([{ name: "b", content: "x", method: 0 }]).subarray(0, 32);
        return makeZip([
          { name: "a", content: inner, method: 0 },
          { name: "b", content: "x", method: 0, listed: { offset: 31 } },
        ]);
      })(),
      /a reaches into what follows/,
    ],
    ["a header of another name", makeZip([{ name: "a", content: "x", local: { name: "z" } }]), /not what the list/],
    ["a header of another method", makeZip([{ name: "a", content: "x", local: { method: 0 } }]), /not what the list/],
    ["a header of another size", makeZip([{ name: "a", content: "x", local: { size: 9 } }]), /not what the list/],
    ["a header that is elsewhere", makeZip([{ name: "a", content: "x", listed: { offset: 3 } }]), /list of files/],
    ["a header beyond the end", makeZip([{ name: "a", listed: { offset: 0xfffffff0 } }]), /list of files/],
    ["a folder that is a file", makeZip([{ name: "a", mode: 0o40755 }]), /as a folder and as a file/],
    ["more files than it says", makeZip(PARTS, { count: 1 }), /as many files as it says/],
    ["fewer files than it says", makeZip(PARTS, { count: 3 }), /list of files/],
    ["a list of another size", makeZip(PARTS, { listSize: 7 }), /list of files/],
    ["a list elsewhere", makeZip(PARTS, { listOffset: 0 }), /list of files/],
    ["a list beyond the end", makeZip(PARTS, { listOffset: 0xfffffff0 }), /list of files/],
    ["something behind its end", Buffer.concat([whole, Buffer.from("x")]), /follows after its end/],
    ["an end inside its comment", makeZip(PARTS, { comment: makeZip([]).subarray(0, 22) }), /list of files/],
    ["zip64 without its record", makeZip(PARTS, { zip64: true, locator: { offset: 0 } }), /end of its list/],
    [
      "zip64 with a record far away",
      makeZip(PARTS, { zip64: true, locator: { offset: Number.MAX_SAFE_INTEGER } }),
      /end of its list/,
    ],
    ["zip64 with a list far away", makeZip(PARTS, { zip64: true, listOffset: 2 ** 52 }), /list of files/],
    ["an extra field longer than its place", makeZip([{ name: "a", extra: Buffer.from([1, 0, 99, 0]) }]), /list of/],
    ["zip64 sizes that are not there", makeZip([{ name: "a", size: 0xffffffff, extra: zip64Field() }]), /list of/],
  ];
  test.each(damages)("with %s", async (_what, bytes, words) => {
    const told = await refusal(bytes);
    expect(told).toMatch(/^damaged: /);
    expect(told).toMatch(words);
  });
});

describe("a bomb is refused, and costs no memory", () => {
  const zeros = Buffer.alloc(3 * MIB);
  const small: ReadLimits = { maxBytes: MIB, maxUnpackedBytes: MIB, maxFiles: 20 };

  test("that says how large it is", async () => {
    expect(await refusal(makeZip([{ name: "a", content: zeros }]), small)).toBe(
      "too large: it unpacks to more than 1 MiB",
    );
  });

  test("that says it is small", async () => {
    const bomb = makeZip([{ name: "a", content: zeros, size: 100 }]);
    expect(await refusal(bomb, small)).toMatch(/^damaged: a cannot be unpacked, or not to the size/);
  });

  test("of many files, each small enough", async () => {
    const each = Buffer.alloc(200_000);
    const parts = Array.from({ length: 6 }, (_one, index) => ({ name: `a${index}`, content: each }));
    expect(await readZip(makeZip(parts.slice(0, 5)), small)).toHaveLength(5);
    expect(await refusal(makeZip(parts), small)).toBe("too large: it unpacks to more than 1 MiB");
  });

  test("by the numbers of zip64", async () => {
    const huge = makeZip([{ name: "a", content: "x", size: 0xffffffff, extra: zip64Field(2n ** 63n) }]);
    expect(await refusal(huge, { ...small, maxUnpackedBytes: Number.POSITIVE_INFINITY })).toBe(
      "damaged: a cannot be as large as it says",
    );
    expect(await refusal(huge, small)).toMatch(/^damaged: /);
  });

  test("of more files than anybody looks at, in truth or not", async () => {
    const many = Array.from({ length: 21 }, (_one, index) => ({ name: `${index}` }));
    expect(await refusal(makeZip(many))).toBe("too many files: it has 21, and at most 20 are read");
    expect(await refusal(makeZip([{ name: "a" }], { zip64: true, count: 2 ** 50 }))).toMatch(/^too many files/);
  });

  test("that is large as it is", async () => {
    expect(await refusal(Buffer.alloc(MIB + 1))).toBe("too large: it has 1.1 MiB, and at most 1 MiB are read");
  });

  test("that would be as large as it says, with the whole room of the limits to lie in", async () => {
    const limits: ReadLimits = { maxBytes: MIB, maxUnpackedBytes: 512 * MIB, maxFiles: 20 };
    const before = process.memoryUsage().rss;
    const lying = Array.from({ length: 20 }, (_one, index) => ({ name: `a${index}`, content: "x", size: 20 * MIB }));
    expect(await refusal(makeZip(lying), limits)).toBe("damaged: a0 cannot be as large as it says");
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
  });

  test("whose content goes on for ever in pieces of nothing", async () => {
    // Deflate's stored blocks of no bytes: five each, as many as fit.
    const nothing = Buffer.concat(Array.from({ length: 180_000 }, () => Buffer.from([0, 0, 0, 0xff, 0xff])));
    const started = performance.now();
    expect(await refusal(makeZip([{ name: "a", packed: nothing }]))).toMatch(/^damaged: a cannot be unpacked/);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test("whatever stands where numbers should: an answer, soon, and never more than one sentence", async () => {
  const whole = makeZip(
    [
      { name: "a", content: "level=info\n".repeat(20) },
      { name: "b/c", content: "x", method: 0, extra: zip64Field(1, 1) },
    ],
    { zip64: true },
  );
  const values = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
  for (let at = 4; at < whole.length; at += 1) {
    for (const width of [1, 2, 4, 8]) {
      for (const value of values) {
        const altered = Buffer.from(whole).fill(value, at, Math.min(at + width, whole.length));
        const got = await readZip(altered, LIMITS).catch((error: unknown) => error);
        if (got instanceof Error) expect([at, width, value, got]).toEqual([at, width, value, expect.any(ArchiveError)]);
      }
    }
  }
}, 60_000);
