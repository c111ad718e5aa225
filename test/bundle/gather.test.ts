import { describe, expect, test } from "@jest/globals";
import { failedPart, linesWith, NOTHING, plainLines, takeFile, takeSheet } from "../../src/bundle/gather.ts";
import type { FileCode } from "../../src/model/observation.ts";
import { failedWith, ranWith } from "../support/world.ts";
import { contentOf, deskOf, saying, whyNot } from "./host.ts";

const HOSTS = { path: "/etc/hosts", what: "names" };

describe("a file", () => {
  test("is kept under its own path, to be read as what it is", async () => {
    const part = await takeFile(deskOf({ files: { "/etc/crowdsec/x.yaml": "a: 1\n" } }), {
      path: "/etc/crowdsec/x.yaml",
      what: "x",
    });
    expect(part.entries).toEqual([
      { name: "files/etc/crowdsec/x.yaml", what: "x", content: "a: 1\n", kind: "yaml", source: "/etc/crowdsec/x.yaml" },
    ]);
  });

  test("that is empty is kept: that may be what is wrong", async () => {
    expect((await takeFile(deskOf({ files: { "/etc/hosts": "" } }), HOSTS)).entries).toHaveLength(1);
  });

  test("that a link led out to is left out, with where it led", async () => {
    const files = { "/etc/hosts": { ok: true, elapsedMs: 0, content: "canary", at: "/root/x" } as const };
    const part = await takeFile(deskOf({ files }), HOSTS);
    expect(part.entries).toEqual([]);
    expect(part.missing).toEqual([
      { source: "/etc/hosts", why: "a link that leads to /root/x, which was not asked for" },
    ]);
  });

  test("that is not there is mentioned only where it should be", async () => {
    expect(await takeFile(deskOf({}), HOSTS)).toEqual(NOTHING);
    expect(whyNot(await takeFile(deskOf({}), { ...HOSTS, optional: false }), "/etc/hosts")).toBe("not there");
  });

  test("of which nothing is about CrowdSec is left out without a word", async () => {
    const wish = { ...HOSTS, keep: linesWith(/crowdsec/) };
    expect(await takeFile(deskOf({ files: { "/etc/hosts": "127.0.0.1 localhost\n" } }), wish)).toEqual(NOTHING);
  });
});

test.each([
  ["file-denied", NOTHING.missing, ["/x"]],
  ["file-large", [{ source: "/x", why: "too large" }], []],
  ["file-binary", [{ source: "/x", why: "no text" }], []],
  ["file-error", [{ source: "/x", why: "the system's words for file-error" }], []],
] as const)("what keeps a file from being read is said in words (%s)", (code: FileCode, missing, denied) => {
  expect(failedPart("/x", failedWith(code), true)).toEqual({ entries: [], missing, denied });
});

describe("what programs say", () => {
  const sheet = (asks: Parameters<typeof takeSheet>[1]["asks"]) => ({ name: "system/x.txt", what: "x", asks });

  test("stands under their command lines", async () => {
    const desk = deskOf(saying({ "ip -4 rule": "0: all\n\n", "uname -a": "Linux\n" }));
    const part = await takeSheet(desk, sheet([{ any: [["ip", "-4", "rule"]] }, { any: [["uname", "-a"]] }]));
    expect(contentOf(part, "system/x.txt")).toBe("# ip -4 rule\n0: all\n\n# uname -a\nLinux\n");
    expect(part.missing).toEqual([]);
  });

  test("is asked of the next one where the first is not there, as on Alpine", async () => {
    const desk = deskOf(saying({ netstat: "routes" }));
    const part = await takeSheet(
      desk,
      sheet([
        {
          any: [
            ["ip", "route"],
            ["netstat", "-rn"],
          ],
        },
      ]),
    );
    expect(contentOf(part, "system/x.txt")).toBe("# netstat -rn\nroutes\n");
  });

  test("is missed by name where none is there, and only where most hosts have one", async () => {
    const part = await takeSheet(
      deskOf({}),
      sheet([
        {
          any: [
            ["ip", "route"],
            ["netstat", "-rn"],
          ],
        },
        { any: [["chronyc"]], optional: true },
      ]),
    );
    expect(part).toEqual({ ...NOTHING, missing: [{ source: "ip, netstat", why: "no such program here" }] });
  });

  test("stands under a command line that a shell takes as it is, however long", async () => {
    const filter = `( ${Array.from({ length: 40 }, (_each, index) => `sport = :${index + 1}`).join(" or ")} )`;
    const part = await takeSheet(deskOf(saying({ ss: "x" })), sheet([{ any: [["ss", "-tanp", filter, "it's *"]] }]));
    expect(contentOf(part, "system/x.txt")).toBe(`# ss -tanp '${filter}' 'it'\\''s *'\nx\n`);
  });

  test("after an error is kept with its exit code", async () => {
    const part = await takeSheet(deskOf(saying({ df: ranWith(1, "half of it") })), sheet([{ any: [["df", "-k"]] }]));
    expect(contentOf(part, "system/x.txt")).toBe("# df -k (it ended with 1)\nhalf of it\n");
  });

  test("that root alone may hear is named for a user whom it was refused", async () => {
    const asks = sheet([{ any: [["ls", "/x"]], root: true }]);
    const says = saying({ ls: ranWith(2, "Permission denied") });
    expect(await takeSheet(deskOf(says, { user: "bob" }), asks)).toEqual({ ...NOTHING, denied: ["ls /x"] });
    expect((await takeSheet(deskOf(says), asks)).entries).toHaveLength(1);
  });

  test("too late is said to be missing", async () => {
    const part = await takeSheet(
      deskOf(saying({ ss: failedWith("command-timeout") })),
      sheet([{ any: [["ss", "-s"]] }]),
    );
    expect(part.missing).toEqual([{ source: "ss -s", why: "no answer in time" }]);
  });

  test("at great length is kept, and said to be cut", async () => {
    const part = await takeSheet(deskOf(saying({ ss: "x".repeat(65_000) })), sheet([{ any: [["ss", "-s"]] }]));
    expect(part.entries).toHaveLength(1);
    expect(whyNot(part, "ss -s")).toContain("cut off");
  });
});

test("a log cannot speak to a terminal, and keeps its indentation", () => {
  expect(plainLines("\tpanic: \u001b[31mred\u001b[0m\r\n  at x\n")).toBe("  panic:  [31mred [0m\n  at x\n");
});
