import { catalogue } from "../../checks/index.ts";
import { showRange } from "../model/version.ts";
import { type Streams, write } from "./streams.ts";

/** The catalogue, a check a paragraph. */
export const list = async ({ stdout }: Streams): Promise<number> => {
  const lines = catalogue.map(({ id, title, roles, phase, versions, contacts, needs = [] }) =>
    [
      `${id}: ${title}`,
      `    roles ${roles.join(", ")}; phase ${phase ?? "install and run"}; CrowdSec ${showRange(versions ?? {})}`,
      `    ${contacts}`,
      ...(needs.length > 0 ? [`    needs ${needs.join(", ")}`] : []),
    ].join("\n"),
  );
  await write(stdout, `${lines.join("\n")}\n`);
  return 0;
};
