import { type ChildProcess, spawn } from "node:child_process";
import net from "node:net";
import pLimit from "p-limit";
import type { Address, DnsObservation, DnsQuestion, Family, LayerCode } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed } from "./failure.ts";
import type { Limits } from "./tcp.ts";

/** Of glibc, and of musl-utils. Never looked for along PATH. */
const GETENT = "/usr/bin/getent";

/** Its databases that ask getaddrinfo, by the family that is wanted. */
const DATABASES = { any: "ahosts", 4: "ahostsv4", 6: "ahostsv6" } as const;

/**
 * Every address, with no regard to this host's own, as Go asks (golang/go, net/cgo_linux.go). Older ones do not know the
 * option, and then leave out a family that this host has no address of.
 */
const ALL = ["-A"];

/** Its exit code where getaddrinfo gives no address, for whatever reason: it does not tell these apart. */
const NOT_FOUND = 2;

/** Of each family, as of a nameserver's answer. */
const MAX_ADDRESSES = 16;
/** Of the answer, characters. */
const MAX_ANSWER = 256 * 1024;
/** Processes at once. */
const AT_ONCE = 4;
/** What some getaddrinfo may find. No host's name begins like an option of a program. */
const NAME = /^(?!-)[\x21-\x7e]{1,254}$/;

/**
 * The addresses of getent's lines, `192.0.2.7       STREAM lapi.example`, in their order, which is getaddrinfo's: each
 * stands there once for every type of socket. Where a name has no IPv6 address, `ahostsv6` shows its IPv4 ones in
 * IPv6 clothes.
 */
const read = (answer: string): readonly Address[] => {
  const texts = answer.split("\n").map((line) => line.split(/\s/, 1)[0] ?? "");
  const all = [...new Set(texts)].flatMap((address): readonly Address[] => {
    const family = net.isIP(address);
    return family === 0 || /^::ffff:[\d.]+$/i.test(address) ? [] : [{ address, family: family as Family }];
  });
  const kept = ([4, 6] as const).flatMap((family) =>
    all.filter((one) => one.family === family).slice(0, MAX_ADDRESSES),
  );
  return all.filter((one) => kept.includes(one));
};

const inTurn = pLimit(AT_ONCE);

/**
 * Resolves a name as the C library does: with every module of nsswitch.conf, mDNS and systemd-resolved among them. That
 * cannot be cancelled, and a thread of this process that waits for it keeps the process from ending, even by
 * process.exit; so a process of its own asks, which is killed when the time is over. It is the system's own, since a
 * program in one file has no Node to start, and one that is linked statically no modules of the system's.
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
      let stopped = false;
      const children: ChildProcess[] = [];
      const end = (how: () => void): void => {
        stopped = true;
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        for (const child of children) {
          child.kill("SIGKILL");
          child.stdout?.destroy();
        }
        how();
      };
      const stop = (): void => end(() => refuse("dns-timeout", "the C library's resolver gave no answer"));
      const timer = setTimeout(stop, timeoutMs);
      signal.addEventListener("abort", stop, { once: true });
      const unasked = (): void => refuse("dns-servfail", "the C library's resolver could not be asked");
      const conclude = (exit: number | null, answer: string): void => {
        if (exit === NOT_FOUND) {
          const saw = failed("resolve", "dns-nxdomain", `the C library finds no address for ${name}`, elapsed());
          resolve({ ...saw, errno: "ENOTFOUND" });
        } else if (exit !== 0) unasked();
        else {
          const addresses = read(answer);
          if (addresses.length > 0)
            resolve({ ok: true, elapsedMs: elapsed(), addresses, from: "libc", nameservers: [] });
          else refuse("dns-nodata", `${name} has no ${family ? `IPv${family} ` : ""}address`);
        }
      };
      const start = (options: readonly string[]): void => {
        const child = spawn(GETENT, [...options, DATABASES[family ?? "any"], name], {
          env: { ...environment },
          cwd: "/",
          stdio: ["ignore", "pipe", "ignore"],
        });
        children.push(child);
        child.once("error", () => end(unasked));
        let answer = "";
        child.stdout.setEncoding("latin1").on("data", (chunk: string) => {
          if (answer.length < MAX_ANSWER) answer += chunk;
        });
        child.once("close", (exit: number | null) => {
          if (stopped) return;
          if (options.length > 0 && exit !== 0 && exit !== NOT_FOUND) attempt([]);
          else end(() => conclude(exit, answer));
        });
      };
      const attempt = (options: readonly string[]): void => {
        try {
          start(options);
        } catch {
          // Node throws some errors of a process that cannot start, E2BIG among them.
          end(unasked);
        }
      };
      attempt(ALL);
    });
  return inTurn(ask);
};
