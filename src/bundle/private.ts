import type { FileRead, FolderRead } from "../model/observation.ts";
import type { Recorded } from "./recording.ts";

/** Where people and others' programs have their own things. */
const THEIRS = /^\/(?:root|home|opt|srv|mnt|media|data|var\/www|usr\/local|usr\/home)?(?:\/|$)/;

/** Whose answers the checks look up CrowdSec's in; those of all other packages stand there too. */
const DEBCONF = "/var/cache/debconf/config.dat";

const isFolder = (answer: unknown): answer is FolderRead =>
  answer !== null && typeof answer === "object" && "names" in answer && Array.isArray(answer.names);
const isFile = (answer: unknown): answer is FileRead =>
  answer !== null && typeof answer === "object" && "content" in answer && typeof answer.content === "string";

/** Every path that was asked for, and each folder on the way to it. */
const askedPaths = (recorded: readonly Recorded[]): ReadonlySet<string> => {
  const paths = new Set<string>();
  for (const { question } of recorded) {
    if (typeof question !== "string" || !question.startsWith("/")) continue;
    for (let path = question; path !== "" && !paths.has(path); path = path.slice(0, path.lastIndexOf("/")))
      paths.add(path);
  }
  return paths;
};

const ofCrowdSec = (content: string): string =>
  content
    .split(/\n{2,}/)
    .filter((stanza) => /^Name: crowdsec/m.test(stanza))
    .map((stanza) => `${stanza.trimEnd()}\n`)
    .join("\n");

/**
 * Without what a check has read on its way and passed over: names of files in folders that are others', of which it then
 * asked for none; other packages' answers in debconf's. Judged again, it is passed over all the same.
 */
export const withoutPrivate = (recorded: readonly Recorded[]): readonly Recorded[] => {
  const asked = askedPaths(recorded);
  return recorded.map((each) => {
    const { probe, question, answer } = each;
    const path = String(question);
    if (probe === "file" && path === DEBCONF && isFile(answer))
      return { ...each, answer: { ...answer, content: ofCrowdSec(answer.content) } };
    if (probe !== "folder" || !THEIRS.test(path) || !isFolder(answer)) return each;
    const before = path === "/" ? "" : path;
    return { ...each, answer: { ...answer, names: answer.names.filter((name) => asked.has(`${before}/${name}`)) } };
  });
};
