import { basename } from "node:path/posix";
import type { CommandQuestion, Failed } from "../model/observation.ts";
import { shellQuote } from "../model/remedy.ts";
import { Secret } from "../model/secret.ts";
import { NOT_IN_BUNDLE } from "../model/topology.ts";
import { kindOf } from "../redaction/kind.ts";
import { secretBy } from "../redaction/names.ts";
import type { Kind } from "../redaction/redactor.ts";
import type { Recorded } from "./recording.ts";

/** In JSON, a secret is an object of this one key, with its stand-in. */
const SECRET_KEY = "$secret";
/** Of a text that holds secrets among other things: a request's body. No rule asks what is in it. */
const COMPOSITE = "…";

/** What becomes of a text: how it is to be read, and what it is, for people. */
export type ShowText = (text: string, kind: Kind, name: string) => string;

/** How the parts of an observation are shown. */
export interface Shows {
  readonly text: ShowText;
  /** Of a secret's value: its stand-in, where it has one. */
  readonly standIn: (value: string) => string | undefined;
  /** Of a value that is secret by where it stands: its stand-in. */
  readonly secret: (value: string, rule: string) => string;
  /** @param place for people */
  readonly variable: (name: string, value: string, place: string) => string;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => value !== null && typeof value === "object";

const kindOfBody = (body: string): Kind => (/^\s*[[{]/.test(body) ? "json" : "text");

/** A header's value is judged beside its name. */
const header = (name: string, value: string, show: ShowText): string =>
  show(`${name}: ${value}`, "text", `header ${name}`).slice(name.length + 2);

/** A value behind the name of an option may be too ordinary a word to be known for a secret when it stands alone. */
const argument = (word: string, before = "", { text, secret }: Shows): string => {
  const [, head = "", own, value = ""] = /^((--?[\w-]+)=)?(.*)$/s.exec(word) ?? [];
  const name = own ?? (/^--?[\w-]+$/.test(before) ? before : "");
  const rule = secretBy(name.replace(/^-+/, ""), value);
  return rule === undefined ? text(word, "text", "argument") : `${head}${secret(value, rule)}`;
};

/** Of a process: its words are what it got, whatever a shell would make of them. */
const argumentsOf = (argv: readonly string[], shows: Shows): readonly string[] => {
  shows.text(argv.map(shellQuote).join(" "), "arguments", "arguments of a process");
  return argv.map((word, index) => argument(word, argv[index - 1], shows));
};

/** A JSON-able value as it can be written down; each of its texts is one of `kind`. */
export const shown = (value: unknown, shows: Shows, kind: Kind = "text", name = "observation"): unknown => {
  if (typeof value === "string") return shows.text(value, kind, name);
  if (value instanceof Secret) return secretOf(value, shows.standIn);
  if (Array.isArray(value)) return value.map((each) => shown(each, shows, kind, name));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      // What this tool itself has run is none of it.
      if (key === "argv" && "pid" in value && Array.isArray(inner)) return [key, argumentsOf(inner.map(String), shows)];
      if (key === "headers" && isFields(inner))
        return [
          key,
          Object.fromEntries(
            Object.entries(inner).map(([field, text]) => [
              field,
              typeof text === "string" ? header(field, text, shows.text) : shown(text, shows),
            ]),
          ),
        ];
      return [key, shown(inner, shows, kind, name)];
    }),
  );
};

const secretOf = (secret: Secret, standIn: Shows["standIn"]): Fields => {
  const value = secret.reveal();
  return { [SECRET_KEY]: value === "" ? "" : (standIn(value) ?? COMPOSITE) };
};

/** What a program of this host prints, as far as its name tells. */
const kindOfOutput = (question: unknown): Kind => {
  const [program = ""] = isFields(question) ? ((question as unknown as CommandQuestion).argv ?? []) : [];
  return basename(program) === "systemctl" ? "unit" : "text";
};

const answerOf = ({ probe, question, answer }: Recorded, shows: Shows): unknown => {
  if (!isFields(answer)) return answer;
  const { content, output, body, variables } = answer;
  const rest = shown(answer, { ...shows, text: (text) => text }) as Fields;
  switch (probe) {
    case "file":
      if (typeof content !== "string") break;
      return { ...rest, content: shows.text(content, kindOf(String(question)), String(question)) };
    case "command":
      if (typeof output !== "string") break;
      return { ...rest, output: shows.text(output, kindOfOutput(question), "a command's output") };
    case "http":
      if (typeof body !== "string") break;
      return {
        ...(shown({ ...answer, body: "" }, shows) as Fields),
        body: shows.text(body, kindOfBody(body), "a reply"),
      };
    case "environment":
      if (!isFields(variables)) break;
      return {
        ...rest,
        variables: Object.fromEntries(
          Object.entries(variables).map(([name, value]) => [
            name,
            {
              [SECRET_KEY]:
                value instanceof Secret
                  ? shows.variable(name, value.reveal(), `/proc/${String(question)}/environ`)
                  : "",
            },
          ]),
        ),
      };
    default:
  }
  return shown(answer, shows);
};

/** What was asked of a command beyond its arguments is this tool's own copy of files that stand elsewhere. */
const questionOf = ({ probe, question }: Recorded): unknown =>
  probe === "command" && isFields(question) ? commandOf(question) : question;

/** Of what was recorded, names are all that is left. */
const namesOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : Object.keys(isFields(value) ? value : {}).sort();

const commandOf = ({ files, environment, ...question }: Fields): Fields => ({
  ...question,
  ...(files !== undefined && { files: namesOf(files) }),
  ...(environment !== undefined && { environment: namesOf(environment) }),
});

/** An observation that can be written down. */
export const shownObservation = (recorded: Recorded, shows: Shows): Recorded => ({
  probe: recorded.probe,
  ...("question" in recorded && { question: shown(questionOf(recorded), shows) }),
  ...("answer" in recorded && { answer: answerOf(recorded, shows) }),
});

/** What stands in place of a file that is not to be published. */
export const withheld = (why: string): Failed => ({
  ok: false,
  phase: "host",
  code: "file-denied",
  message: `${NOT_IN_BUNDLE}: ${why}`,
  elapsedMs: 0,
});

/** Makes secrets of their stand-ins again. */
export const revived = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(revived);
  if (!isFields(value)) return value;
  const secret = value[SECRET_KEY];
  if (typeof secret === "string" && Object.keys(value).length === 1) return new Secret(secret);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revived(inner)]));
};

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFields(value) || value instanceof Secret) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
};

/**
 * A question as text: the same for what was recorded with a secret and for what is asked with its stand-in.
 * @param ofSecret what a secret counts as
 */
export const keyOf = (probe: string, question: unknown, ofSecret: (value: string) => string): string =>
  JSON.stringify(
    [probe, sorted(probe === "command" && isFields(question) ? commandOf(question) : question)],
    function (this: Fields, name, value: unknown) {
      // `value` has been through toJSON already, where all secrets look alike.
      const secret = this[name];
      return secret instanceof Secret ? ofSecret(secret.reveal()) : value;
    },
  );
