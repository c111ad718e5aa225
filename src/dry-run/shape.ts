/** Who asks: ids of checks; `deployment`, what finds out what is there before any check; `ping`, `--ping-url`. */
export interface Asked {
  readonly for: readonly string[];
}

/** A name that is looked up. */
export interface PlannedName extends Asked {
  readonly name: string;
  /** `hosts`: it stands in /etc/hosts, and no nameserver is asked. */
  readonly by: "nameservers" | "hosts";
  /** What nameservers are asked for, one after the other, until one of these is found: the search list makes several of a name. */
  readonly candidates?: readonly string[];
  /** Types of records that each is asked for. */
  readonly types?: readonly ("A" | "AAAA")[];
}

/** A nameserver of /etc/resolv.conf, udp/53; tcp/53 where an answer is too long, or the file wants it so. */
export interface PlannedNameserver {
  readonly server: string;
  readonly port: 53;
  /** Questions when all goes well: lookups then come to the first one only, the check `resolver` asks each. */
  readonly questions: number;
}

export interface PlannedRequest extends Asked {
  readonly method: string;
  /** Without its query. `…`: of a ping, whose URL is a secret, and of what only another host can tell. */
  readonly path: string;
  /** Of a request through a proxy: whom it is for, `HOST:PORT`. */
  readonly through?: string;
  readonly tls: boolean;
  /** Each is a connection of its own. */
  readonly times: number;
  /** What it sends that is secret. `key`: a bouncer's; `login`: a machine's; `proxy`: a login at the proxy. */
  readonly shows: readonly ("key" | "login" | "proxy")[];
  /** A login for a machine that cannot exist: it shows no secret, is answered 401, and leaves a line in the Local API's log. */
  readonly mustFail?: true;
  /** It is sent only then; without it, always. */
  readonly when?: string;
}

/** A conversation that is not HTTP, over a connection of its own. */
export interface PlannedDialogue extends Asked {
  readonly protocol: "postgresql" | "mysql" | "listener";
  /** As whom it logs in; undefined: it asks who is there, and goes. */
  readonly user?: string;
  /** The driver's word for whether it is encrypted; of a listener `require` or `disable`. */
  readonly tls: string;
  readonly times: number;
}

/** Where connections go: a name or an address with its port, or a unix socket. */
export interface PlannedDestination extends Asked {
  /** A name, an address, or the path of a unix socket. What only another host can tell is `redirected.invalid`. */
  readonly host: string;
  readonly port?: number;
  /** Of an address: names that lead there by /etc/hosts. */
  readonly names?: readonly string[];
  /** Connections that are closed again without a word. Of a name: to each of its addresses. */
  readonly connects: number;
  readonly requests: readonly PlannedRequest[];
  readonly dialogues: readonly PlannedDialogue[];
}

export interface PlannedCommand extends Asked {
  /** `{folder}`: a folder made for this alone, and removed with it. */
  readonly argv: readonly string[];
  /** Copies that it is given there. */
  readonly copies: readonly string[];
  readonly times: number;
  /** It prints and goes nowhere, and this dry run has run it too. */
  readonly ran: boolean;
}

/** An address of this host that is listened on for a moment. */
export interface PlannedBind extends Asked {
  readonly address: string;
  readonly port: number;
}

/** How a file is looked at, the least first. */
export const HOWS = ["looked-at", "listed", "end", "read"] as const;

/** A file or folder of this host. */
export interface PlannedFile extends Asked {
  readonly path: string;
  /** `read`: whole; `end`: the end of a log; `listed`: the names in a folder; `looked-at`: whether it is there, and whose. */
  readonly how: (typeof HOWS)[number];
  /** This dry run has done the same; of others it is not known what is there. */
  readonly done: boolean;
  /** Whether it is there, and this user may read it; undefined where that is not known. */
  readonly there?: boolean;
}

/** What this run itself would write. */
export interface PlannedWrite {
  readonly path: string;
  readonly why: string;
}

/** Who asks is shown, or made up: how often, by kind. */
export interface Logins {
  /** At the Local API, for a machine that cannot exist. */
  readonly mustFail: number;
  /** At the Local API, with the machine's login. */
  readonly machine: number;
  /** Requests with a bouncer's key. */
  readonly key: number;
  /** Requests with the proxy's login. */
  readonly proxy: number;
  readonly database: number;
}

export interface Sums {
  readonly names: number;
  /** To nameservers. */
  readonly questions: number;
  readonly destinations: number;
  /** A name counts as one address. */
  readonly connections: number;
  readonly handshakes: number;
  readonly requests: number;
  readonly logins: Logins;
  /** One that runs twice counts twice. */
  readonly commands: number;
  readonly files: number;
  readonly writes: number;
}

/** All that a run would touch when all goes well. What is only sent on a condition counts in no sum. */
export interface Plan {
  readonly names: readonly PlannedName[];
  readonly nameservers: readonly PlannedNameserver[];
  readonly destinations: readonly PlannedDestination[];
  readonly commands: readonly PlannedCommand[];
  readonly binds: readonly PlannedBind[];
  readonly files: readonly PlannedFile[];
  /** What is read of the kernel, in words. */
  readonly kernel: readonly string[];
  readonly writes: readonly PlannedWrite[];
  readonly sums: Sums;
}
