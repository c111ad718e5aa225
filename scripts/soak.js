// Called by scripts/soak, which says what for.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const RUNS = Number(process.argv[2] ?? 500);
if (!Number.isInteger(RUNS) || RUNS < 1 || RUNS > 5000) {
  console.error("soak: a number of runs from 1 to 5000 is wanted");
  process.exit(3);
}

/** Where the runs are made: beside the Local API, and across the network from it. */
const HOSTS = ["lapi", "agent"];
const TOOL = `${process.execPath} ${root}bin/crowdsec-preflight.js`;
/** The agent is ended for the whole time, and would be told as such. */
const LEFT_OUT = "--skip service,metrics";
const USER_AGENT = "crowdsec-preflight/";
const PLACE = "/var/lib/soak";
/** What a run may leave there. */
const KEPT = ["metrics.prom", "report.json", "state.json", "tmp"];
/** Runs between two faults, and how long one stays, in runs: long enough to be confirmed (2 of 3), and to be well again. */
const CYCLE = 10;
const FAULTY = 4;

/** What one complete run asks the Local API for, on each host (docs/monitoring.md). */
const DOCUMENTED = {
  lapi: { "GET /v1/heartbeat": 5, "POST /v1/watchers/login": 2 },
  agent: { "GET /v1/heartbeat": 4, "POST /v1/watchers/login": 1 },
};

const lab = async (...args) => {
  const { stdout } = await promisify(execFile)("bash", [`${root}scripts/lab`, ...args], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
};
const on = (host, command) => lab("exec", host, "bash", "-c", command);
const each = (action) => Promise.all(HOSTS.map(action));

/** Until a service listens; a busy machine takes its time. */
const awaits = async (host, address, port) => {
  for (let tries = 0; tries < 5; tries += 1) {
    try {
      return await lab("wait", host, address, port);
    } catch (error) {
      if (tries === 4) throw error;
    }
  }
};

const wrong = [];
const hold = (isSo, sentence) => {
  if (!isSo) wrong.push(sentence);
};

/** Faults that a lab can make and take back at once. */
const FAULTS = [
  {
    name: "the Local API is stopped",
    begin: () => lab("stop", "lapi", "crowdsec"),
    end: async () => {
      await lab("start", "lapi", "crowdsec");
      await awaits("lapi", "10.77.0.10", "8080");
    },
  },
  {
    name: "the way to the internet is closed",
    begin: () => each((host) => on(host, CLOSED)),
    end: () => each((host) => on(host, "nft delete table inet soak")),
  },
  {
    name: "the nameserver is stopped",
    begin: () => lab("stop", "resolver", "unbound"),
    end: async () => {
      await lab("start", "resolver", "unbound");
      await awaits("resolver", "127.0.0.1", "53");
    },
  },
];
const CLOSED = `nft -f - <<'END'
table inet soak {
  chain output {
    type filter hook output priority 0
    ip daddr 10.77.1.0/24 reject with icmpx type admin-prohibited
    ip6 daddr fd77:0:1::/48 reject with icmpx type admin-prohibited
  }
}
END`;

/** One run as cron would start it; what it cost is read from the kernel while it is there. */
const run = async (host, how = "") => {
  const command = `
    mkdir -p ${PLACE}/tmp && cd / && export TMPDIR=${PLACE}/tmp
    ${TOOL} --cron --splay none --timeout 2s ${LEFT_OUT} --state ${PLACE}/state.json --report prometheus=${PLACE}/metrics.prom --report json=${PLACE}/report.json >/run/soak.out 2>/run/soak.err </dev/null &
    pid=$!
    ${how}
    peak=0
    while kill -0 $pid 2>/dev/null; do
      now=$(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status 2>/dev/null)
      [ -n "$now" ] && peak=$now
      sleep 0.05
    done
    wait $pid
    code=$?
    printf '%s %s\\n' $code $peak
    cat /run/soak.out
    printf -- '--- stderr\\n'
    cat /run/soak.err`;
  const [first, ...rest] = (await on(host, command)).split("\n");
  const [exitCode, peakKiB] = first.split(" ").map(Number);
  const [told, errors] = rest.join("\n").split("--- stderr\n");
  return { exitCode, peakMiB: peakKiB / 1024, told: told.trim(), errors: errors.trim() };
};

/** What is there that was not there before. */
const leftovers = async (host) => {
  const listing = await on(
    host,
    `pgrep -af '[b]in/crowdsec-preflight[.]js' | sed 's/^/process /'
     ss -Htanp | grep '"node"' | sed 's/^/socket /'
     ls -A ${PLACE} 2>/dev/null | sed 's/^/file /'
     ls -A ${PLACE}/tmp 2>/dev/null | sed 's/^/temporary /'`,
  );
  return listing.split("\n").filter((line) => line !== "" && !KEPT.includes(line.replace(/^file /, "")));
};

const LAPI_LOG = "/var/log/crowdsec_api.log";
/** Lines of a log. */
const length = async (host, path) => Number(await on(host, `wc -l <${path}`));
/** What came into a log since it had that many lines. */
const since = async (host, path, lines) =>
  (await on(host, `tail -n +${lines + 1} ${path}`)).split("\n").filter((line) => line !== "");

/** What the Local API's own log says that we asked: method and path, by host; and what is not ours. */
const asked = async (before) => {
  const lines = await since("lapi", LAPI_LOG, before);
  const counts = { lapi: {}, agent: {} };
  const strange = [];
  for (const line of lines) {
    const [, address, what] = /msg="(\S+) - \[[^\]]*\] \\"(\S+ \S+) HTTP/.exec(line) ?? [];
    const host =
      address === "10.77.0.20" ? "agent" : ["10.77.0.10", "127.0.0.1", "::1"].includes(address) ? "lapi" : undefined;
    // Its own clients are ended: nobody else is to be there.
    if (host === undefined || what === undefined || !line.includes(USER_AGENT)) strange.push(line);
    else counts[host][what] = (counts[host][what] ?? 0) + 1;
  }
  return { counts, strange };
};
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// --- before ----------------------------------------------------------------------------------------------------------

// Their visits would change the rows.
await Promise.all([lab("stop", "agent", "crowdsec"), lab("stop", "bouncer", "crowdsec-firewall-bouncer")]);
await each((host) => on(host, `rm -rf ${PLACE}`));
const rowsBefore = await lab("rows");
const logBefore = await length("lapi", LAPI_LOG);
const internetLog = `${process.env.LAB_STATE ?? "/tmp/crowdsec-preflight-lab"}/hosts/internet/access.log`;
const internetBefore = await length("internet", internetLog);

// --- the runs --------------------------------------------------------------------------------------------------------

const runs = { lapi: [], agent: [] };
/** Complete runs while the Local API was there, by host: those whose requests are counted. */
const complete = { lapi: 0, agent: 0 };
const cut = { lapi: 0, agent: 0 };
let current;
let faults = 0;
for (let index = 0; index < RUNS; index += 1) {
  const at = index % CYCLE;
  if (at === CYCLE - FAULTY - 2) {
    current = FAULTS[faults % FAULTS.length];
    faults += 1;
    await current.begin();
  }
  if (at === CYCLE - 2 && current !== undefined) {
    await current.end();
    current = undefined;
  }
  // Once in a cycle, while all is well, a run is killed in its middle, or asked to end, or two come at once.
  const odd = at === 2 ? ["killed", "terminated", "doubled"][Math.floor(index / CYCLE) % 3] : undefined;
  const done = await each(async (host) => {
    if (odd === "killed") return run(host, "sleep 0.7; kill -9 $pid");
    if (odd === "terminated") return run(host, "sleep 0.7; kill -TERM $pid");
    if (odd === "doubled") {
      const [one, other] = await Promise.all([
        run(host),
        on(
          host,
          `sleep 0.4; ${TOOL} --cron --splay none --timeout 2s ${LEFT_OUT} --state ${PLACE}/state.json </dev/null; echo "second $?"`,
        ),
      ]);
      hold(
        /^second \d\n$/.test(other),
        `run ${index} on ${host}: a second run beside it said ${JSON.stringify(other)}`,
      );
      return one;
    }
    return run(host);
  });
  const isThere = current?.name !== FAULTS[0].name;
  HOSTS.forEach((host, which) => {
    const { exitCode, told, errors, peakMiB } = done[which];
    runs[host].push({ index, odd, fault: current?.name, exitCode, told: told.split("\n")[0], peakMiB });
    if (odd === "killed" || odd === "terminated") cut[host] += 1;
    else if (isThere) complete[host] += 1;
    hold(errors === "", `run ${index} on ${host} wrote to stderr: ${errors}`);
    if (odd === "killed") hold(exitCode === 137, `run ${index} on ${host} was killed and ended with ${exitCode}`);
    else if (odd === "terminated")
      hold(exitCode === 143, `run ${index} on ${host} was terminated and ended with ${exitCode}`);
    // By the end of a fault, and of the time without one, that is confirmed.
    else if (at === CYCLE - 3)
      hold(exitCode === 2, `run ${index} on ${host}: ${current?.name}, and the exit code is ${exitCode}`);
    else if (at === 1) hold(exitCode < 2, `run ${index} on ${host}: all is well, and the exit code is ${exitCode}`);
  });
}
if (current !== undefined) await current.end();

// --- afterwards ------------------------------------------------------------------------------------------------------

// The last run may have been a killed one; its lock is for the next.
await each(async (host) => hold((await run(host)).exitCode <= 2, `${host}: the run after the last was not let in`));
for (const host of HOSTS) complete[host] += 1;

for (const host of HOSTS) {
  const left = await leftovers(host);
  hold(left.length === 0, `left on ${host}: ${left.join("; ")}`);
}
const rowsAfter = await lab("rows");
hold(rowsAfter === rowsBefore, "rows of the Local API's database have changed");

const { counts: requests, strange } = await asked(logBefore);
hold(strange.length === 0, `the Local API's log has lines that are of no run: ${strange.slice(0, 3).join("; ")}`);
for (const host of HOSTS) {
  for (const [what, count] of Object.entries(requests[host])) {
    const perRun = DOCUMENTED[host][what] ?? 0;
    const [least, most] = [perRun * complete[host], perRun * (complete[host] + cut[host])];
    hold(
      count >= least && count <= most,
      `${host} asked ${count} times for ${what}: ${least} to ${most} are documented for its ${complete[host]} runs, ${cut[host]} more were cut off`,
    );
  }
}
const internet = (await since("internet", internetLog, internetBefore)).filter((line) => line.includes(USER_AGENT));
hold(internet.length > 0, "nothing was asked on the internet");
const logins = internet.filter((line) => /\/watchers|POST/.test(line));
hold(logins.length === 0, `the Central API was asked for ${logins.slice(0, 3).join("; ")}`);

const memory = {};
for (const host of HOSTS) {
  const peaks = runs[host].filter(({ odd }) => odd === undefined).map(({ peakMiB }) => peakMiB);
  const third = Math.max(1, Math.floor(peaks.length / 3));
  const [begin, end] = [median(peaks.slice(0, third)), median(peaks.slice(-third))];
  memory[host] = { beginMiB: Math.round(begin), endMiB: Math.round(end), mostMiB: Math.round(Math.max(...peaks)) };
  hold(end < begin * 1.1, `memory on ${host} grew from ${begin.toFixed(0)} to ${end.toFixed(0)} MiB`);
}

/** Of each fault that it began, that it is over, and once that it is another one now; and the first run's; at most. */
const told = Object.fromEntries(HOSTS.map((host) => [host, runs[host].filter((one) => one.told !== "").length]));
for (const host of HOSTS)
  hold(
    told[host] <= 3 * faults + 1,
    `${host} told something ${told[host]} times in ${faults} faults: ${JSON.stringify(runs[host].filter((one) => one.told !== "").slice(0, 12))}`,
  );

await each((host) => on(host, `rm -rf ${PLACE} /run/soak.*`));
console.log(
  JSON.stringify(
    { runs: RUNS * HOSTS.length, faults, told, requests, complete, cut, internet: internet.length, memory, wrong },
    null,
    2,
  ),
);
process.exitCode = wrong.length > 0 ? 1 : 0;
