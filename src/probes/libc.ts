import { spawn } from "node:child_process";
import net from "node:net";
import pLimit from "p-limit";
import type { Address, DnsObservation, DnsQuestion, Family, LayerCode } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed } from "./failure.ts";
import type { Limits } from "./tcp.ts";

/** What getaddrinfo says, by Node's names for it. What has no code here could not be resolved just now. */
const CODES: Readonly<Record<string, LayerCode>> = {
  // EAI_NONAME and EAI_NODATA: Node does not tell these two apart.
  ENOTFOUND: "dns-nxdomain",
  EAI_ADDRFAMILY: "dns-nodata",
};

/** Of each family, as of a nameserver's answer. */
const MAX_ADDRESSES = 16;
/** Of the answer, bytes. */
const MAX_ANSWER = 256 * 1024;
/** Processes at once: each is a whole Node. */
const AT_ONCE = 4;
/** What no getaddrinfo finds, and what a process cannot be given. */
const NAME = /^[\x21-\x7e]{1,254}$/;

/** Asks as Go does through the C library: every address, in its order, with no regard to this host's own (net/cgo_unix.go). */
const ASK = `
const [name, family] = process.argv.slice(1);
const start = performance.now();
require('node:dns').lookup(name, { all: true, verbatim: true, family: Number(family) }, (error, addresses) => {
  const { code = '', message = '' } = error ?? {};
  process.stdout.write(JSON.stringify({ ms: performance.now() - start, addresses: addresses ?? [], code, message }));
});`;

interface Told {
  readonly ms: number;
  readonly addresses: readonly Address[];
  readonly code: string;
  readonly message: string;
}

/** Undefined for anything but the answer of the process above. */
const read = (text: string): Told | undefined => {
  try {
    return JSON.parse(text) as Told;
  } catch {
    return undefined;
  }
};

const inTurn = pLimit(AT_ONCE);

/**
 * Resolves a name as the C library does: with every module of nsswitch.conf, mDNS and systemd-resolved among them. That
 * cannot be cancelled, and a thread of this process that waits for it keeps the process from ending, even by
 * process.exit; so a process of its own asks, which is killed when the time is over.
 *
 * @param environment of the program in whose place it is asked: LOCALDOMAIN, RES_OPTIONS and HOSTALIASES count
 */
export const probeLibc = (
  { name, family }: DnsQuestion,
  { timeoutMs, signal }: Limits,
  environment: Readonly<Record<string, string>> = {},
): Promise<DnsObservation> => {
  const ask = (): Promise<DnsObservation> =>
    new Promise((resolve) => {
      const elapsed = stopwatch();
      const refuse = (code: LayerCode, message: string): void => resolve(failed("resolve", code, message, elapsed()));
      const own = net.isIP(name) as 0 | Family;
      if (own !== 0) {
        if (family !== undefined && family !== own) return refuse("dns-nodata", `${name} has no IPv${family} address`);
        const addresses = [{ address: name, family: own }];
        return resolve({ ok: true, elapsedMs: elapsed(), addresses, from: "literal", nameservers: [] });
      }
      if (!NAME.test(name)) return refuse("dns-nxdomain", "it is no host name");
      if (signal.aborted) return refuse("dns-timeout", "ended together with the run");
      const child = spawn(process.execPath, ["-e", ASK, "--", name, String(family ?? 0)], {
        env: { ...environment, UV_THREADPOOL_SIZE: "1" },
        cwd: "/",
        stdio: ["ignore", "pipe", "ignore"],
      });
      let answer = "";
      const end = (how: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        child.kill("SIGKILL");
        child.stdout.destroy();
        how();
      };
      const stop = (): void => end(() => refuse("dns-timeout", "the C library's resolver gave no answer"));
      const timer = setTimeout(stop, timeoutMs);
      signal.addEventListener("abort", stop, { once: true });
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        if (answer.length < MAX_ANSWER) answer += chunk;
      });
      child.once("error", () => end(() => refuse("dns-servfail", "the C library's resolver could not be asked")));
      child.once("close", () =>
        end(() => {
          const told = read(answer);
          if (told === undefined) return refuse("dns-servfail", "the C library's resolver could not be asked");
          const elapsedMs = Math.round(told.ms * 10) / 10;
          if (told.code !== "") {
            const saw = failed("resolve", CODES[told.code] ?? "dns-servfail", told.message, elapsedMs);
            return resolve({ ...saw, errno: told.code });
          }
          const addresses = ([4, 6] as const).flatMap((wanted) =>
            told.addresses.filter((one) => one.family === wanted).slice(0, MAX_ADDRESSES),
          );
          return addresses.length > 0
            ? resolve({ ok: true, elapsedMs, addresses, from: "libc", nameservers: [] })
            : refuse("dns-nodata", `${name} has no address`);
        }),
      );
    });
  return inTurn(ask);
};
