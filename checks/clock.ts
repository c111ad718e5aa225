import { defineCheck } from "../src/model/check.ts";
import type { HttpObservation, Prober } from "../src/model/observation.ts";
import { askedHosts } from "./outgoing.ts";

/**
 * Clocks that differ by more than this disagree, milliseconds. `Date` counts whole seconds, and an answer comes up to a
 * run's length, 30 s by default, after the start that it is compared with: neither makes a minute.
 */
const TOLERANCE_MS = 60_000;

/** What a host's clock said, against this host's. */
interface Told {
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly theirs: number;
  /** Positive: this host's clock is ahead. */
  readonly aheadMs: number;
  /** A public authority vouches for it: nobody on the way said it in its place. */
  readonly vouched: boolean;
}

/** A cache gives the date of the day on which it got the answer, and its age since then in seconds (RFC 9111, section 5.1). */
const dateOf = (http: HttpObservation): number => {
  if (!http.ok) return Date.parse(http.peerDate ?? "");
  const age = Number(http.headers["age"] ?? 0);
  return Date.parse(http.headers["date"] ?? "") + (Number.isFinite(age) ? age * 1000 : 0);
};

const toldBy = (
  { host, http }: { readonly host: string; readonly http?: HttpObservation },
  now: Date,
): readonly Told[] => {
  const theirs = http ? dateOf(http) : Number.NaN;
  if (Number.isNaN(theirs)) return [];
  return [{ host, theirs, aheadMs: now.getTime() - theirs, vouched: http?.tls?.publicAuthority === true }];
};

const agrees = (one: Told, other: Told): boolean => Math.abs(one.aheadMs - other.aheadMs) <= TOLERANCE_MS;
const isRight = ({ aheadMs }: Told): boolean => Math.abs(aheadMs) <= TOLERANCE_MS;

/** Those that agree with one another: most of them; of as many, the ones that this host agrees with. */
const majorityOf = (told: readonly Told[]): readonly Told[] => {
  const groups = told.map((one) => told.filter((other) => agrees(one, other)));
  const [most = []] = groups.sort((a, b) => b.length - a.length || Number(b.some(isRight)) - Number(a.some(isRight)));
  return [...most].sort((a, b) => a.aheadMs - b.aheadMs);
};

const UNITS = [
  ["year", 365 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

/** The two largest units: `3 hours 12 minutes`. */
const inWords = (ms: number): string => {
  let left = Math.round(Math.abs(ms) / 1000);
  const words: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) words.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
    else if (words.length > 0) break;
    if (words.length === 2) break;
  }
  return words.join(" ");
};

const shown = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** What is seen to set the clock, without asking it: the marks that it leaves. */
const KEEPERS = [
  ["/run/systemd/timesync/synchronized", "systemd-timesyncd has set it since this system is up"],
  ["/run/chrony", "chronyd runs"],
  ["/run/ntpd.pid", "ntpd runs"],
  ["/var/run/ntpd.pid", "ntpd runs"],
] as const;

const keeperOf = async (probe: Prober): Promise<string | undefined> => {
  const seen = await Promise.all(KEEPERS.map(async ([path, says]) => ((await probe.path(path)).ok ? says : undefined)));
  return seen.find((says) => says !== undefined);
};

/** Certificates, tokens and decisions all have dates; the hosts that were asked anyway say what time it is. */
export default defineCheck({
  id: "clock",
  title: "This host's clock is right",
  why: "By this clock CrowdSec judges whether certificates are valid, how long decisions last, and whether its tokens still hold: where it is more than their hour ahead, every request logs in anew.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "nothing new: the dates in the answers of the outgoing hosts",
  faults: {
    "clock-wrong": {
      severity: "warning",
      blame: "this-host",
      // A host that just started has its clock set within a minute.
      recovers: true,
      says: "this host's clock is {by} {way}: it says {own}, where {hosts} say {theirs}; {keeper}",
      remedy: [
        {
          services: ["systemd"],
          text: "Have it set from the network. Where chrony is installed, systemd starts that one.",
          commands: ["timedatectl set-ntp true", "timedatectl status"],
          undo: ["timedatectl set-ntp false"],
        },
        {
          services: ["openrc"],
          text: "Have busybox's ntpd set it from the network, or chronyd where that is installed.",
          commands: ["rc-update add ntpd default", "rc-service ntpd restart"],
          undo: ["rc-service ntpd stop", "rc-update del ntpd default"],
        },
        {
          services: ["freebsd"],
          text: "Have ntpd set it from the network, at its start by as much as it takes.",
          commands: ["sysrc ntpd_enable=YES ntpd_sync_on_start=YES", "service ntpd restart"],
          undo: ["service ntpd stop", "sysrc -x ntpd_enable ntpd_sync_on_start"],
        },
        {
          services: ["container", "kubernetes"],
          text: "A container has the clock of the machine that it runs on: set it there.",
        },
        { services: ["none"], text: "Have an NTP client set it from the network." },
        {
          text: "Time servers are asked on 123/udp. Where that is closed, name one of this network in the NTP client's configuration.",
        },
      ],
    },
  },
  async run(context) {
    const { now, probe } = context;
    const told = (await askedHosts(context)).flatMap((asked) => toldBy(asked, now));
    // Of a host that was asked twice, once.
    const each = told.filter(({ host }, index) => told.findIndex((one) => one.host === host) === index);
    const agreeing = majorityOf(each);
    const median = agreeing[Math.floor((agreeing.length - 1) / 2)];
    if (median === undefined)
      return { status: "skip", reason: "not applicable: none of the outgoing hosts has said what time it is" };
    const others = each.filter((one) => !agreeing.includes(one));
    const saying = ({ host, theirs }: Told): string => `${host} says ${shown(theirs)}`;
    if (isRight(median)) {
      const odd =
        others.length > 0 ? [`not so ${others.map(saying).join(", ")}: an old answer, or a clock of its own`] : [];
      const count = `${agreeing.length} host${agreeing.length === 1 ? "" : "s"} agree${agreeing.length === 1 ? "s" : ""}`;
      return { status: "pass", note: [count, ...odd].join("; ") };
    }
    if (agreeing.length === 1 && others.length > 0)
      return { status: "unknown", reason: `the hosts do not agree on the time: ${each.map(saying).join(", ")}` };
    const keeper = await keeperOf(probe);
    const certain = agreeing.length > 1 && agreeing.every(({ vouched }) => vouched);
    return {
      status: "fault",
      fault: "clock-wrong",
      data: {
        by: inWords(median.aheadMs),
        way: median.aheadMs > 0 ? "ahead" : "behind",
        own: shown(now.getTime()),
        theirs: shown(median.theirs),
        hosts: agreeing.length === 1 ? median.host : `${agreeing.length} hosts`,
        keeper: keeper ?? "nothing is seen here that sets it",
      },
      blame: {
        confidence: certain ? "certain" : "likely",
        evidence: [...agreeing.map(saying), ...others.map((one) => `not so ${saying(one)}`)],
      },
    };
  },
});
