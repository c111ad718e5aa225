import { describe, expect, test } from "@jest/globals";
import type { Framing } from "../../src/probes/database-wire.ts";
import { mysqlFraming, newSession, type Session } from "../../src/probes/mysql-framing.ts";
import { mysqlError, packet } from "../support/databases.ts";

const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const EOF = Buffer.from([0xfe, 0, 0, 2, 0]);
const COLUMN = Buffer.from("\x03def\x00\x00\x00\x01c\x00\x0c............", "latin1");

const session = (shift: 0 | 1 = 0): { readonly state: Session; readonly framing: Required<Framing> } => {
  const state = newSession(shift);
  const { send = (bytes) => bytes, ...framing } = mysqlFraming(state);
  return { state, framing: { ...framing, send } };
};
/** A session that is logged in and has sent a query. */
const asking = (): Required<Framing> => {
  const { framing } = session();
  framing.send(packet(1, "login"));
  framing.admit(packet(2, OK));
  framing.send(packet(0, "\x03SELECT 1"));
  return framing;
};
const numbered = (bodies: readonly (Buffer | string)[]): Buffer[] => bodies.map((body, at) => packet(at + 1, body));

test("a packet's size is told by its first four bytes, and none is empty", () => {
  const { framing } = session();
  expect(framing.size(Buffer.from([5, 0, 0]))).toBeUndefined();
  expect(framing.size(Buffer.from([5, 1, 0, 0]))).toBe(261 + 4);
  expect(framing.size(Buffer.from([0, 0, 0, 1]))).toBe(0);
});

test("with TLS, the login's numbers are one later for the server, and only the login's", () => {
  const { framing } = session(1);
  expect(framing.send(packet(1, "login"))).toEqual(packet(2, "login"));
  expect(framing.admit(packet(3, "\x01more"))).toEqual(packet(2, "\x01more"));
  expect(framing.send(packet(3, "answer"))).toEqual(packet(4, "answer"));
  expect(framing.admit(packet(5, OK))).toEqual(packet(4, OK));
  expect(framing.send(packet(0, "\x03SELECT 1"))).toEqual(packet(0, "\x03SELECT 1"));
  expect(framing.admit(packet(1, OK))).toEqual(packet(1, OK));
});

test("the way to log in that the server wants is kept, fit to print", () => {
  const { state, framing } = session();
  framing.send(packet(1, "login"));
  framing.admit(packet(2, Buffer.from([0xfe]), "dia\u001blog\0data"));
  expect(state.method).toBe("dia log");
});

test.each<[string, readonly (Buffer | string)[]]>([
  ["nothing but success", [OK]],
  ["an error", [mysqlError(1142, "no", "42000")]],
  ["no rows", ["\x01", COLUMN, EOF, EOF]],
  ["rows with NULL and text", ["\x02", COLUMN, COLUMN, EOF, Buffer.from([0xfb, 1, 0x61]), "\x02ab\x00", EOF]],
  [
    "a row longer than 250 bytes",
    ["\x01", COLUMN, EOF, Buffer.concat([Buffer.from([0xfc, 0x2c, 0x01]), Buffer.alloc(300)]), EOF],
  ],
  ["rows, then an error", ["\x01", COLUMN, EOF, "\x01a", mysqlError(1053, "shutdown", "08S01")]],
])("an answer of %s passes", (_what, bodies) => {
  const framing = asking();
  for (const one of numbered(bodies)) expect(framing.admit(one)).toEqual(one);
});

describe("of an answer, nothing passes that mysql2 would print a trace of:", () => {
  test.each<[string, readonly (Buffer | string)[]]>([
    ["success with numbers that are none", [Buffer.from([0, 0xff, 0, 2, 0, 0, 0])]],
    ["success cut short", [Buffer.from([0, 0])]],
    ["a wish for a file", [Buffer.from("\xfb/etc/passwd", "latin1")]],
    ["a number of columns of several bytes", [Buffer.from([0xfc, 1, 0])]],
    ["columns of no description", ["\x01", "\x03def"]],
    ["columns with a string that is none", ["\x01", Buffer.concat([Buffer.from([0xff]), COLUMN.subarray(1)])]],
    ["fewer columns than promised", ["\x02", COLUMN, EOF]],
    ["more columns than promised", ["\x01", COLUMN, COLUMN]],
    ["a row before the columns' end", ["\x01", COLUMN, "\x01a"]],
    ["a row with a string that is none", ["\x01", COLUMN, EOF, Buffer.from([0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 9])]],
    ["a row of too few strings", ["\x02", COLUMN, COLUMN, EOF, "\x01a"]],
    ["a row of too many strings", ["\x01", COLUMN, EOF, "\x01a\x01b"]],
    ["a row cut short", ["\x01", COLUMN, EOF, "\x05a"]],
    ["an error cut short", [Buffer.from([0xff, 1])]],
    ["more after the end", [OK, OK]],
  ])("%s", (_what, bodies) => {
    const framing = asking();
    const packets = numbered(bodies);
    for (const one of packets.slice(0, -1)) expect(framing.admit(one)).toEqual(one);
    for (const last of packets.slice(-1)) expect(framing.admit(last)).toBeUndefined();
  });
});

test.each([
  ["a number left out", 2],
  ["a number used again", 0],
])("a packet with %s does not pass", (_what, number) => {
  expect(asking().admit(packet(number, OK))).toBeUndefined();
});

test("numbers start again after 255", () => {
  const framing = asking();
  framing.admit(packet(1, "\x01"));
  framing.admit(packet(2, COLUMN));
  framing.admit(packet(3, EOF));
  for (let number = 4; number < 600; number += 1) expect(framing.admit(packet(number & 0xff, "\x01a"))).toBeDefined();
});

test("what nobody asked for does not pass", () => {
  const { framing } = session();
  framing.send(packet(1, "login"));
  framing.admit(packet(2, OK));
  expect(framing.admit(packet(3, OK))).toBeUndefined();
});
