import { expect, test } from "@jest/globals";
import { STATUSES } from "../../src/model/report.ts";
import { createMarkdownPage, symbolOf } from "../../src/reporters/markdown-page.ts";
import { SAME } from "../../src/reporters/pretty-page.ts";

const page = createMarkdownPage("normal");

test("a row at the top is a paragraph of its own, one below it an item of a list", () => {
  const columns = { left: "lapi-tls → x.test:1", beside: "fine", right: "connect  4 ms" };
  expect(page.row("fail", page.top, columns)).toEqual([
    "",
    "**✗ FAIL** lapi-tls → `x.test:1` · fine · connect 4 ms",
    "",
  ]);
  expect(page.row("warn", page.nested, { left: "lapi-tls", right: "" })).toEqual(["  - ! WARN lapi-tls"]);
  expect(page.banner("skip", page.nested, "a, b")).toEqual(["  - – SKIP a, b"]);
});

test("no badge begins with what makes a list of its own", () => {
  expect(STATUSES.map(symbolOf)).toEqual(["✓", "!", "✗", "–", "?"]);
});

test("labels are bold, and said again where the terminal leaves room", () => {
  expect(page.paragraph(0, "Because:", "it rains")).toEqual(["- **Because:** it rains"]);
  expect(page.paragraph(4, SAME, "it pours", 2)).toEqual(["    - **Because:** it pours"]);
  expect(page.paragraph(0, "", "x")).toEqual(["- x"]);
});

test("a remedy's commands stand in a block below it, and how to take them back in another", () => {
  const remedies = [
    { text: "Install it.", commands: ["apt-get install x"], undo: ["apt-get remove x"], url: "https://x.example/" },
    { text: "Or, look: then wait." },
  ];
  expect(page.remedies(0, "Fix:", remedies)).toEqual([
    "- **Fix:** Install it. `https://x.example/`",
    ...["  ```sh", "  apt-get install x", "  ```", "  To undo:", "  ```sh", "  apt-get remove x", "  ```"],
    "- **Or:** Look: then wait.",
  ]);
});
