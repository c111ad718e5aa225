import { expect, test } from "@jest/globals";
import { BURST, createGate, MAX_OPEN, MAX_UNPROVEN, MAX_WRONG, PER_SECOND } from "../../src/listen/caps.ts";

const gateAt = () => {
  let nowMs = 0;
  const gate = createGate<object>(() => nowMs);
  return {
    gate,
    pass: (ms: number): void => {
      nowMs += ms;
    },
  };
};

test("an address may come in a burst, then at its rate; another one is not held up by it", () => {
  const { gate, pass } = gateAt();
  const enter = (address: string): boolean => {
    const connection = {};
    const entered = gate.enter(connection, address);
    gate.leave(connection, address);
    return entered !== "full";
  };
  const many = (count: number, address: string): number =>
    Array.from({ length: count }, () => enter(address)).filter(Boolean).length;
  expect(many(BURST + 10, "10.0.0.1")).toBe(BURST);
  expect(enter("10.0.0.2")).toBe(true);
  pass(1000);
  expect(many(BURST, "10.0.0.1")).toBe(PER_SECOND);
});

test("the hosts of one /64 count together, so that nobody gets around the limits with IPv6", () => {
  const { gate } = gateAt();
  for (let index = 0; index < BURST; index++) {
    const connection = {};
    gate.enter(connection, `2001:db8::${index.toString(16)}`);
    gate.leave(connection, `2001:db8::${index.toString(16)}`);
  }
  expect(gate.enter({}, "2001:db8::ffff")).toBe("full");
  expect(gate.enter({}, "2001:db8:0:1::1")).not.toBe("full");
});

test("when there is no room, the oldest of the greediest address gives way", () => {
  const { gate } = gateAt();
  const [first, ...more] = Array.from({ length: MAX_UNPROVEN - 1 }, () => ({}));
  for (const connection of [first ?? {}, ...more]) expect(gate.enter(connection, "10.0.0.9")).toEqual({});
  expect(gate.enter({}, "10.0.0.1")).toEqual({});
  expect(gate.enter({}, "10.0.0.2")).toEqual({ instead: first });
});

test("a connection that has proved itself gives way to nobody", () => {
  const { gate, pass } = gateAt();
  for (let index = 0; index < MAX_OPEN; index++) {
    const connection = {};
    expect(gate.enter(connection, "10.0.0.1")).not.toBe("full");
    gate.prove(connection, "10.0.0.1");
    pass(20);
  }
  expect(gate.enter({}, "10.0.0.2")).toBe("full");
});

test("after ten wrong tokens an address is heard once a second", () => {
  const { gate, pass } = gateAt();
  for (let index = 0; index < MAX_WRONG; index++) {
    expect(gate.isHeard("10.0.0.1")).toBe(true);
    gate.wrong("10.0.0.1");
  }
  expect(gate.isHeard("10.0.0.1")).toBe(false);
  expect(gate.isHeard("10.0.0.2")).toBe(true);
  pass(1000);
  expect(gate.isHeard("10.0.0.1")).toBe(true);
  gate.wrong("10.0.0.1");
  expect(gate.isHeard("10.0.0.1")).toBe(false);
});

test("an address from which a peer came is always heard: behind a NAT it is many hosts", () => {
  const { gate } = gateAt();
  const connection = {};
  gate.enter(connection, "10.0.0.1");
  gate.prove(connection, "10.0.0.1");
  for (let index = 0; index < 5 * MAX_WRONG; index++) gate.wrong("10.0.0.1");
  expect(gate.isHeard("10.0.0.1")).toBe(true);
});

test("of more addresses than are remembered, the rest share one account", () => {
  const { gate } = gateAt();
  for (let index = 0; index < 1000 + BURST; index++) {
    const connection = {};
    const address = `10.1.${index >> 8}.${index & 255}`;
    gate.enter(connection, address);
    gate.leave(connection, address);
  }
  // The burst of the shared account is used up by those after the first thousand.
  expect(gate.enter({}, "10.9.9.9")).toBe("full");
  expect(gate.enter({}, "10.1.0.1")).not.toBe("full");
});
