import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A new folder below the system's one for temporary files. */
export interface Folder {
  readonly path: string;
  /** Writes a file, with the folders above it, and gives its path. */
  write(name: string, content: string | Buffer): string;
  remove(): void;
}

export const makeFolder = (): Folder => {
  const path = mkdtempSync(join(tmpdir(), "preflight-test-"));
  return {
    path,
    write: (name, content) => {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
};
