import { execFile, execFileSync } from "node:child_process";
import { resolve } from "node:path";

/** Where scripts/lab unpacks Debian's golang-1.19-go. */
const GOROOT = resolve(".lab/unpacked/usr/lib/go-1.19");

/** Compiles test/go into a folder, with what is there already, and nothing from outside; gives the program's path. */
export const compileGo = (folder: string): string => {
  const program = resolve(folder, "says");
  execFileSync(`${GOROOT}/bin/go`, ["build", "-o", program, "."], {
    cwd: resolve("test/go"),
    env: {
      PATH: "/usr/bin:/bin",
      HOME: folder,
      GOROOT,
      GOCACHE: resolve(".lab/go-cache"),
      GOFLAGS: "-mod=mod",
      GOPROXY: "off",
      GOTOOLCHAIN: "local",
      CGO_ENABLED: "0",
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return program;
};

/** The questions as lines for the program, and its answers to them. */
export const asLines = (questions: readonly object[]): string =>
  questions.map((question) => `${JSON.stringify(question)}\n`).join("");
export const fromLines = <Answer>(output: string): readonly Answer[] =>
  output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Answer);

/** Asks the program here. */
export const askGo = <Answer>(
  program: string,
  command: "proxy" | "verify" | "resolve",
  questions: readonly object[],
): readonly Answer[] => {
  const output = execFileSync(program, [command], { input: asLines(questions), encoding: "utf8", maxBuffer: 1 << 26 });
  return fromLines(output);
};

/** The same while this process answers the program, as a server. */
export const askGoLater = <Answer>(
  program: string,
  command: "verify",
  questions: readonly object[],
): Promise<readonly Answer[]> =>
  new Promise((resolve, reject) => {
    const child = execFile(program, [command], { encoding: "utf8" }, (error, stdout) => {
      if (error) reject(error);
      else resolve(fromLines(stdout));
    });
    child.stdin?.end(asLines(questions));
  });

/** For example `go1.19.8`. */
export const goVersion = (program: string): string => execFileSync(program, ["version"], { encoding: "utf8" }).trim();
