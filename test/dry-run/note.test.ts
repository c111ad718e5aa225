import { expect, test } from "@jest/globals";
import { type Note, notesOf } from "../../src/dry-run/note.ts";

test("the notes of one probe are found among those of all", () => {
  const note = { askers: ["a"], times: { current: 1, older: 1 } };
  const notes: readonly Note[] = [
    { ...note, probe: "file", question: "/a" },
    { ...note, probe: "folder", question: "/b" },
    { ...note, probe: "file", question: "/c" },
  ];
  expect(notesOf(notes, "file").map(({ question }) => question)).toEqual(["/a", "/c"]);
  expect(notesOf(notes, "tail")).toEqual([]);
});
