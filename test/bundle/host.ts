import type { Entry, Missing } from "../../src/bundle/entry.ts";
import { type Desk, type Look, type Part, together } from "../../src/bundle/gather.ts";
import { createScope } from "../../src/bundle/scope.ts";
import type { Context } from "../../src/model/check.ts";
import type { CommandObservation } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { NOW } from "../support/run.ts";
import { packageInstall } from "../support/topology.ts";
import { failedWith, ranWith } from "../support/world.ts";

/** What programs say by their command line, as `ip -4 rule`; the longest beginning that is known counts. */
export type Says = Readonly<Record<string, string | CommandObservation>>;

/** A host on which these programs are, in /usr/bin, and say this. */
export const saying = (says: Says): Required<Pick<World, "paths" | "commands">> => ({
  paths: Object.fromEntries(
    Object.keys(says).map((line) => [`/usr/bin/${line.split(" ")[0]}`, { executable: true, bytes: 1000 }]),
  ),
  commands: ({ argv: [program, ...rest] }) => {
    const line = [program.replace("/usr/bin/", ""), ...rest].join(" ");
    const known = Object.keys(says).filter((each) => line === each || line.startsWith(`${each} `));
    const answer = says[known.toSorted((a, b) => b.length - a.length)[0] ?? ""];
    if (typeof answer === "object") return answer;
    return answer === undefined ? failedWith("command-missing") : ranWith(0, answer);
  },
});

export const contextOf = (
  world: World,
  overrides: Partial<Topology> = {},
): Context & { readonly asked: readonly string[] } => {
  const probe = fakeProber(world);
  const topology = packageInstall(overrides);
  return { topology, probe, now: NOW, version: async () => undefined, allowWrites: false, asked: probe.asked };
};

export const deskOf = (world: World, overrides: Partial<Topology> = {}): Desk => {
  const context = contextOf(world, overrides);
  return { ...context, scope: createScope(context.topology) };
};

/** What several looks give on this host, together. */
export const lookedAt = async (
  looks: (topology: Topology) => readonly Look[],
  world: World,
  overrides?: Partial<Topology>,
): Promise<Part> => {
  const desk = deskOf(world, overrides);
  return together(await Promise.all(looks(desk.topology).map(({ look }) => look(desk))));
};

export const contentOf = ({ entries }: { readonly entries: readonly Entry[] }, name: string): string | undefined =>
  entries.find((entry) => entry.name === name)?.content;

export const whyNot = ({ missing }: { readonly missing: readonly Missing[] }, source: string): string | undefined =>
  missing.find((each) => each.source === source)?.why;
