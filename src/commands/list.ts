import { catalogue, causes } from "../../checks/index.ts";
import { showRange } from "../model/version.ts";
import { type Streams, write } from "./streams.ts";

/** The catalogue, a check a paragraph; then the causes that have a name, a line each. */
export const list = async ({ stdout }: Streams): Promise<number> => {
  const checks = catalogue.map(({ id, title, roles, phase, versions, contacts, needs = [] }) =>
    [
      `${id}: ${title}`,
      `    roles ${roles.join(", ")}; phase ${phase ?? "install and run"}; CrowdSec ${showRange(versions ?? {})}`,
      `    ${contacts}`,
      ...(needs.length > 0 ? [`    needs ${needs.join(", ")}`] : []),
    ].join("\n"),
  );
  const named = causes.named.map(({ id, title }) => `${id}: ${title}`);
  const lines = named.length > 0 ? [...checks, "", "Causes:", ...named] : checks;
  await write(stdout, `${lines.join("\n")}\n`);
  return 0;
};
