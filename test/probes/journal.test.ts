import { chmodSync, mkdirSync } from "node:fs";
import { afterAll, beforeEach, expect, test } from "@jest/globals";
import type { JournalObservation } from "../../src/model/observation.ts";
import { parseJournal, probeJournal } from "../../src/probes/journal.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

const folders: Folder[] = [];
afterAll(() => {
  for (const folder of folders) folder.remove();
});

/** In place of `/`: what of it is not written here is not there. */
let root: Folder;
beforeEach(() => {
  root = makeFolder();
  folders.push(root);
});

/** journalctl's place holds a program that does this. */
const journalctl = (script: string, at = "usr/bin/journalctl"): void => {
  chmodSync(root.write(at, `#!/bin/sh\n${script}\n`), 0o755);
};

const ask = (signal = new AbortController().signal): Promise<JournalObservation> =>
  probeJournal("crowdsec.service", { signal }, root.path);

/** What systemd 252 printed, with other times. */
const HEAD = (at: string): string =>
  `"__REALTIME_TIMESTAMP":"${at}","_BOOT_ID":"fc4437bf832347ce9bc57edf64ea51cd","__CURSOR":"s=4be2c1ee79ee4620b76d141f4d9e72c0;i=6;b=fc4437bf832347ce9bc57edf64ea51cd;m=84527c627;t=660e746bad1cd;x=cb9b8d0b31da3571","__MONOTONIC_TIMESTAMP":"35519972903"`;
const AT = "1795396300624333";
const ISO = "2026-11-23T01:11:40.624Z";
const entry = (message: string, pid = '"845"', at = AT): string => `{${HEAD(at)},"_PID":${pid},"MESSAGE":${message}}`;

test.each([
  ["plain text", '"plain line"', "plain line"],
  ["what JSON escapes", '"say \\"hi\\" ä"', 'say "hi" ä'],
  ["a tab", '"tab\\there"', "tab here"],
  [
    "a coloured line, which comes as bytes",
    "[99,111,108,111,117,114,32,27,91,51,49,109,114,101,100,27,91,48,109,32,108,101,118,101,108,61,102,97,116,97,108]",
    "colour red level=fatal",
  ],
  ["bytes that are no text", "[98,97,100,32,117,116,102,32,255,254,32,98,121,116,101,115]", "bad utf �� bytes"],
  ["a field that is there twice", '["first","second"]', "first"],
  ["text that would be read backwards", '"level=\\u202elatafl"', "level= latafl"],
])("a line with %s", (_what, message, text) => {
  expect(parseJournal(`${entry(message)}\n`, 0)).toEqual([{ at: ISO, text, pid: 845 }]);
});

test.each([
  ["too long to be shown by journalctl", entry("null")],
  ["empty", entry('""')],
  ["of no bytes", entry("[]")],
  ["without a message", `{${HEAD(AT)}}`],
  ["without a time", '{"MESSAGE":"text"}'],
  ["of a time that no calendar has", entry('"text"', '"1"', "99999999999999999999999")],
  ["cut at its beginning", entry('"text"').slice(40)],
  ["of another stream", "Hint: You are currently not seeing messages from other users and the system."],
  ["of JSON that is no entry", "42"],
  ["of nothing", "null"],
])("a line %s is left out, and the others stay", (_what, line) => {
  expect(parseJournal(`${line}\n${entry('"after"')}\n`, 0).map(({ text }) => text)).toEqual(["after"]);
});

test("lines of systemd itself, and those of a program that is gone, stay in their order", () => {
  const output = [
    entry('"level=fatal"'),
    entry('"crowdsec.service: Main process exited, code=exited, status=1/FAILURE"', '"1"'),
    `{${HEAD(AT)},"MESSAGE":"nobody"}`,
  ];
  expect(parseJournal(output.join("\n"), 0)).toEqual([
    { at: ISO, text: "level=fatal", pid: 845 },
    { at: ISO, text: "crowdsec.service: Main process exited, code=exited, status=1/FAILURE", pid: 1 },
    { at: ISO, text: "nobody" },
  ]);
});

test("what is older than a week explains nothing of today", async () => {
  const ago = (days: number): string => String((Date.now() - days * 86_400_000) * 1000);
  journalctl(`cat <<'END'\n${entry('"old"', '"1"', ago(7.1))}\n${entry('"new"', '"1"', ago(6.9))}\nEND`);
  const saw = await ask();
  expect(saw.ok && saw.lines.map(({ text }) => text)).toEqual(["new"]);
});

test("the newest lines of the unit are asked for, with few fields, and without a pager", async () => {
  journalctl(`printf '%s\\n' "$@" > ${root.path}/asked; echo '${entry('"text"', '"1"', `${Date.now()}000`)}'`);
  expect(await ask()).toMatchObject({ ok: true, lines: [{ text: "text", pid: 1 }] });
  journalctl(`cat ${root.path}/asked >&2; exit 1`);
  expect(await ask()).toMatchObject({
    message: "--unit=crowdsec.service --lines=1000 --no-pager --quiet --output=json --output-fields=MESSAGE,_PID",
  });
});

test("a journalctl before version 236, which gives no choice of fields, is asked for all", async () => {
  journalctl(
    `case "$*" in *--output-fields*) echo "journalctl: unrecognized option" >&2; exit 1;; esac; echo '${entry('"text"', '"7"', `${Date.now()}000`)}'`,
  );
  expect(await ask()).toMatchObject({ ok: true, lines: [{ text: "text", pid: 7 }] });
});

test("of many lines the newest are kept, and all of them are whole", async () => {
  const line = entry(`"${"x".repeat(200)} '"$n"'"`, '"1"', `${Date.now()}000`);
  journalctl(`n=0; while [ $n -lt 1000 ]; do n=$((n+1)); echo '${line}'; done`);
  const saw = await ask();
  const lines = saw.ok ? saw.lines : [];
  expect(lines.length).toBeGreaterThan(50);
  expect(lines.length).toBeLessThan(1000);
  expect(lines.map(({ text }) => text)).toEqual(
    lines.map((_line, index) => `${"x".repeat(200)} ${1000 - lines.length + index + 1}`),
  );
});

test("where a journal is there and nothing in it, there are no lines", async () => {
  root.write("var/log/journal/0123/system.journal", "");
  journalctl("exit 0");
  expect(await ask()).toMatchObject({ ok: true, lines: [] });
});

test("without journalctl there is no journal", async () => {
  expect(await ask()).toMatchObject({ ok: false, phase: "host", code: "command-missing", errno: "ENOENT" });
});

test("a journalctl of a system whose /bin is no link is found", async () => {
  journalctl(`echo '${entry('"text"', '"7"', `${Date.now()}000`)}'`, "bin/journalctl");
  expect(await ask()).toMatchObject({ ok: true, lines: [{ text: "text" }] });
});

test("a journal that cannot be read says why", async () => {
  journalctl("echo 'Failed to open journal: Bad message' >&2; exit 1");
  expect(await ask()).toMatchObject({
    ok: false,
    code: "command-error",
    message: "Failed to open journal: Bad message",
  });
});

test("a journal that takes for ever is given up", async () => {
  journalctl("sleep 30");
  const saw = await ask();
  expect(saw).toMatchObject({ ok: false, code: "command-timeout" });
  expect(saw.elapsedMs).toBeLessThan(15_000);
});

test("the end of the run ends the question", async () => {
  journalctl("sleep 30");
  expect(await ask(AbortSignal.abort())).toMatchObject({ ok: false, errno: "ABORT_ERR" });
});

const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;

asOrdinaryUser.each([
  ["says nothing", "exit 0"],
  ["calls it a failure", "echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1"],
])("who may not read the system's journal is told so, where journalctl %s", async (_what, script) => {
  chmodSync(root.write("var/log/journal/0123/system.journal", ""), 0);
  journalctl(script);
  expect(await ask()).toMatchObject({ ok: false, code: "command-denied" });
  chmodSync(`${root.path}/var/log/journal/0123/system.journal`, 0o600);
});

asOrdinaryUser("who may read one journal of two is told what is in it", async () => {
  mkdirSync(`${root.path}/run/log/journal`, { recursive: true });
  chmodSync(`${root.path}/run/log/journal`, 0);
  root.write("var/log/journal/0123/system.journal", "");
  journalctl("exit 0");
  expect(await ask()).toMatchObject({ ok: true, lines: [] });
  chmodSync(`${root.path}/run/log/journal`, 0o700);
});
