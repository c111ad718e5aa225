import { expect, test } from "@jest/globals";
import { packageVersion } from "../../src/topology/package-version.ts";
import { fakeProber } from "../support/fake-prober.ts";

/** What these package managers print, each at its own path; a missing one is not there. */
const host = (managers: Readonly<Record<string, { readonly output: string; readonly exitCode?: number }>>) =>
  fakeProber({
    paths: Object.fromEntries(Object.keys(managers).map((path) => [path, { executable: true }])),
    commands: ({ argv: [path] }) => ({
      ok: true,
      elapsedMs: 1,
      exitCode: managers[path]?.exitCode ?? 0,
      output: managers[path]?.output ?? "",
    }),
  });

test.each([
  ["/usr/bin/dpkg-query", "Package: crowdsec\nStatus: install ok installed\nVersion: 1.4.6-6~deb12u1\n", [1, 4, 6]],
  ["/usr/bin/dpkg-query", "Package: crowdsec\nStatus: install ok half-configured\nVersion: 1:1.6.11\n", [1, 6, 11]],
  ["/usr/bin/rpm", "1.7.8", [1, 7, 8]],
  ["/sbin/apk", "crowdsec-1.6.4-r2 x86_64 {crowdsec} (MIT) [installed]\n", [1, 6, 4]],
])("%s tells the version of an engine that does not run: %j", async (path, output, version) => {
  expect(await packageVersion(host({ [path]: { output } }))).toEqual({ value: version, origin: path });
});

test.each([
  ["nothing is installed", "/usr/bin/dpkg-query", { output: "dpkg-query: no packages found", exitCode: 1 }],
  [
    "only configuration is left",
    "/usr/bin/dpkg-query",
    { output: "Status: deinstall ok config-files\nVersion: 1.4.6-6\n" },
  ],
  ["it is not installed", "/usr/bin/rpm", { output: "package crowdsec is not installed", exitCode: 1 }],
  ["apk lists nothing", "/sbin/apk", { output: "" }],
] as const)("%s: no version", async (_name, path, said) => {
  expect(await packageVersion(host({ [path]: said }))).toBeUndefined();
});

test("a program that others could have put there is not run", async () => {
  const prober = fakeProber({ paths: { "/usr/bin/dpkg-query": { executable: true, guarded: false } } });
  expect(await packageVersion(prober)).toBeUndefined();
  expect(prober.asked.filter((question) => question.startsWith("command"))).toEqual([]);
});
