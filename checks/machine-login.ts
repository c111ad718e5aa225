import { defineCheck } from "../src/model/check.ts";
import { Secret } from "../src/model/secret.ts";
import { messageOf } from "./lapi-database.ts";
import { askableRouteOf, askLapi, clientOf, credentialsOf, lapiClients } from "./lapi-way.ts";
import { describe } from "./layers.ts";

/** The Local API's reasons for a refusal (pkg/apiserver/middlewares/v1/jwt.go), and which remedy each wants. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/machine not found/, "unknown"],
  [/not validated/, "unvalidated"],
  [/configured to use tls/, "certificate"],
  [/incorrect Username or Password/i, "password"],
];

/** What a login that was accepted is answered with. */
const TOKEN = /^\s*\{.*"token"\s*:\s*"/s;

/** On the Local API's host itself, where cscli writes the file that its agent reads. */
const AGAIN = ["cscli machines add {login} --auto --force", "systemctl restart crowdsec"] as const;
/** For a machine elsewhere it must leave that file alone: it would put the other's login in the place of its own. */
const elsewhere = (when: string) =>
  ({
    text: "Where the Local API runs on another host, have this done there, write what it prints into {file} here, and restart crowdsec.",
    when,
    commands: ["cscli machines add {login} --auto --force -f -"],
  }) as const;

/** Asks what the agent asks first. A login changes the machine's row, so it is made on demand only. */
export default defineCheck({
  id: "machine-login",
  title: "Local API accepts the machine's login",
  why: "An agent whose login is refused does not start, and since it shares the process with the Local API on most hosts, that goes down too. A login overwrites the machine's address and version in the database, and up to 1.6.2 makes a dead agent look alive: it is made with --allow-writes only.",
  roles: ["agent", "cscli"],
  phase: "run",
  contacts: "with --allow-writes: POST /v1/watchers/login at the Local API, with the machine's credentials",
  needs: ["credentials", "lapi-identity", "lapi-database"],
  faults: {
    "lapi-login-rejected": {
      blame: "credentials",
      confidence: "certain",
      phase: "login",
      // A login that was refused is never tried again.
      recovers: false,
      says: "the Local API at {place} refuses machine {login} ({origin}): {answer}",
      remedy: [
        {
          text: "The Local API does not know this machine: its database was made anew, it was deleted, or {url} is another Local API. Where that runs on this host, register it anew.",
          when: "unknown",
          commands: ["cscli machines list", ...AGAIN],
        },
        elsewhere("unknown"),
        {
          text: "The machine is registered and waits for its acceptance, on the Local API's host.",
          when: "unvalidated",
          commands: ["cscli machines validate {login}"],
        },
        {
          text: "The password in {origin} is not the one that the Local API has. Where that runs on this host, give the machine a new one.",
          when: "password",
          commands: AGAIN,
        },
        elsewhere("password"),
        {
          text: "The machine is registered with a certificate: name it as cert_path and key_path in {file}, or register the machine anew.",
          when: "certificate",
          commands: ["cscli machines list"],
        },
        { text: "See what the Local API's log says of it.", when: "other", commands: ["cscli machines list"] },
      ],
    },
  },
  // The agent and cscli share one file, and one login is enough for both.
  targets: (context) => {
    const names = lapiClients(context, ["machine"]);
    if ("status" in names) return names;
    const paths = names.map((name) => clientOf(context, name).path);
    return names.filter((_name, index) => paths.indexOf(paths[index] ?? "") === index);
  },
  async run(context, target) {
    const client = clientOf(context, target);
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found) return found.verdict;
    const shown = credentialsOf(client);
    if ("verdict" in shown) return shown.verdict;
    const { credentials } = shown;
    if (credentials.kind === "certificate") {
      const reason = "not applicable: it shows a certificate, and a login with that would register a machine";
      return { status: "skip", reason };
    }
    if (credentials.kind !== "password")
      return {
        status: "skip",
        reason: "not applicable: no login and password of this machine are known (credentials)",
      };
    if (!context.allowWrites)
      return {
        status: "skip",
        reason:
          "not asked: a login overwrites the machine's address and version at the Local API, and up to 1.6.2 its heartbeat; --allow-writes asks all the same",
      };
    const { login, password } = credentials;
    const body = new Secret(JSON.stringify({ machine_id: login.value, password: password.reveal(), scenarios: [] }));
    const walked = await askLapi(context, client, found.route, "v1/watchers/login", { method: "POST", body });
    const { reply, evidence } = walked;
    if (reply === undefined)
      return { status: "unknown", reason: walked.failed?.message ?? "the probe gave no answer", evidence };
    // The token in the answer is a secret: nothing of the body is kept or shown.
    const silent = { ...evidence, http: { ...reply, body: "" } };
    if (reply.status === 200 && TOKEN.test(reply.body))
      return {
        status: "pass",
        note: `machine ${login.value}; its address and version were written anew`,
        evidence: silent,
      };
    const answer = messageOf(reply.body);
    if (answer === undefined || reply.status !== 401)
      return { status: "unknown", reason: `an answer that tells nothing: ${describe(reply)}`, evidence: silent };
    return {
      status: "fault",
      fault: "lapi-login-rejected",
      data: {
        url: found.route.url.value,
        file: client.path,
        ...walked.data,
        login: login.value,
        origin: login.origin,
        answer,
      },
      message: answer,
      httpStatus: 401,
      when: REASONS.find(([pattern]) => pattern.test(answer))?.[1] ?? "other",
      evidence: silent,
    };
  },
});
