import type { Plan, PlannedRequest } from "./shape.ts";

/** What a run does besides, when something fails: only the run itself can know. */
export interface More {
  /** Completes "when …". */
  readonly when: string;
  readonly what: string;
}

interface Row extends More {
  /** Whether this run could come to it. */
  readonly applies: (plan: Plan) => boolean;
}

const someRequest =
  (test: (request: PlannedRequest) => boolean) =>
  ({ destinations }: Plan): boolean =>
    destinations.some(({ requests }) => requests.some(test));
const asksNameservers = ({ names }: Plan): boolean => names.some(({ by }) => by === "nameservers");
const asks =
  (...checks: readonly string[]) =>
  ({ destinations, files, commands }: Plan): boolean =>
    [...destinations, ...files, ...commands].some((one) => one.for.some((asker) => checks.includes(asker)));

const ROWS: readonly Row[] = [
  {
    when: "a nameserver does not answer, or fails",
    what: "the question is sent again after half of --timeout, then to the next nameserver, and all once more as often as /etc/resolv.conf says (attempts, 2); a long answer is asked for again over tcp/53",
    applies: asksNameservers,
  },
  {
    when: "a name does not exist",
    what: "it is asked for with each suffix of the search list, then of the C library (/usr/bin/getent), with all that nsswitch.conf names",
    applies: asksNameservers,
  },
  {
    when: "a name has several addresses",
    what: "each of them gets the connections that are closed again without a word",
    applies: asksNameservers,
  },
  {
    when: "TLS or the answer fails at a name that has IPv4 and IPv6 addresses",
    what: "the same request goes to the other family once",
    applies: (plan) => asksNameservers(plan) && someRequest(({ method }) => method === "GET")(plan),
  },
  {
    when: "a server ends the connection after the TLS handshake",
    what: "one more handshake, with TLS 1.2, tells why",
    applies: someRequest(({ tls }) => tls),
  },
  {
    when: "CrowdSec's version does not become known (what runs, its program and the package manager do not say it in time)",
    what: "names that only other versions need are asked for too",
    applies: asks("outgoing-capi", "outgoing-hub-data"),
  },
  {
    when: "packagecloud.io sends the request on to another host",
    what: "that one gets a lookup, a connection to each address and one GET over TLS; which host it is today, only packagecloud.io can tell (redirected.invalid stands for it)",
    applies: ({ destinations }) => destinations.some(({ host }) => host === "redirected.invalid"),
  },
  {
    when: "the Local API is not reached, or crowdsec does not run as it should",
    what: "its service, its journal and the end of its log are read for its last words, who listens in its place is looked up, and /proc/1 is looked at, which tells whether other users' programs are to be seen here",
    applies: asks("lapi-reachable", "service", "metrics"),
  },
  {
    when: "crowdsec refuses the copy of its configuration",
    what: "it tries the copy once more, without the agent",
    applies: ({ commands }) => commands.some(({ argv }) => argv.includes("-t")),
  },
  {
    when: "the database refuses the connection as it was made",
    what: "one more connection, with TLS or without, as the driver would make it",
    applies: ({ destinations }) =>
      destinations.some(({ dialogues }) => dialogues.some(({ protocol }) => protocol !== "listener")),
  },
  {
    when: "an address to listen on is taken",
    what: "up to 20 ports above it are tried, until one is free",
    applies: ({ binds }) => binds.length > 0,
  },
  {
    when: "what answers at a --peer is no listener",
    what: "it gets one GET /v1/heartbeat, which tells whether it is a Local API",
    applies: asks("peer"),
  },
  {
    when: "the hosts' dates say that this host's clock is wrong",
    what: "it is looked at what sets the clock (marks in /run and /var/run)",
    applies: asks("clock"),
  },
  {
    when: "a ping is not delivered",
    what: "it is sent once more, a second later",
    applies: asks("ping"),
  },
];

const WAITS: More = {
  when: "something fails that can recover",
  what: "--wait has it asked again and again, until all is well or the time is up",
};

/**
 * What this run could do besides, in the order in which it would come to it.
 * @param waits `--wait` is given
 */
export const moreOf = (plan: Plan, waits = false): readonly More[] => [
  ...ROWS.filter(({ applies }) => applies(plan)).map(({ when, what }) => ({ when, what })),
  ...(waits ? [WAITS] : []),
];
