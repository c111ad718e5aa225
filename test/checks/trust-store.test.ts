import { expect, test } from "@jest/globals";
import check from "../../checks/trust-store.ts";
import { expectFault, type FaultCase, findingOf } from "../support/run.ts";

const empty = (...lookedAt: string[]) => ({ world: { trustStore: { certificates: 0, from: [], lookedAt } } });

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "no-ca-store": ["host", "fail", "this-host", empty("/etc/ssl/certs", "/etc/pki/tls/certs")],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test.each([
  [["/etc/ssl/certs", "/etc/pki/tls/certs"], "/etc/ssl/certs, /etc/pki/tls/certs"],
  [[], "none known for this system"],
])("an empty store is told with the places looked at: %p", async (places, said) => {
  expect((await findingOf(check, empty(...places))).summary).toBe(
    `no CA certificate in any of the places where CrowdSec looks: ${said}`,
  );
});

test("one certificate is a store; it is told where it was found", async () => {
  const trustStore = { certificates: 1, from: ["/etc/ssl/cert.pem"], lookedAt: ["/etc/ssl/cert.pem"] };
  const { status, summary } = await findingOf(check, { world: { trustStore } });
  expect([status, summary]).toEqual([
    "pass",
    "This system has a CA store where CrowdSec looks for it: 1 certificates from /etc/ssl/cert.pem",
  ]);
});
