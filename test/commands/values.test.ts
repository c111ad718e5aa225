import { describe, expect, test } from "@jest/globals";
import { UsageError } from "../../src/commands/usage-error.ts";
import {
  parseCount,
  parseDuration,
  parseLapiUrl,
  parseOptionalDuration,
  parsePatterns,
  parsePorts,
  parseProxy,
  parseReportFile,
  parseRule,
  parseWord,
  parseWords,
} from "../../src/commands/values.ts";

/** The one sentence with which bad input is refused. */
const refusal = (parse: () => unknown): string => {
  try {
    parse();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
};

describe("durations", () => {
  test.each([
    ["1ms", 1],
    ["500ms", 500],
    ["3s", 3000],
    ["10m", 600_000],
    ["1440m", 86_400_000],
    ["86400s", 86_400_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
  ])("%s are %d milliseconds", (text, ms) => {
    expect(parseDuration("--timeout", text)).toBe(ms);
  });

  test.each([
    "",
    "5",
    "s",
    "0s",
    "0ms",
    "-1s",
    "1.5s",
    "25h",
    "2d",
    "1w",
    "1 s",
    " 1s",
    "1S",
    "86401s",
    "1441m",
    "99999999999s",
    "١s",
  ])("%p is none", (text) => {
    expect(refusal(() => parseDuration("--timeout", text))).toBe(
      `--timeout wants a duration above zero and up to a day, such as 500ms, 3s or 10m; not "${text}".`,
    );
  });
});

describe("counts", () => {
  test.each([
    ["1", 1],
    ["64", 64],
    ["00064", 64],
    ["99999", 99_999],
  ])("%s is %d", (text, value) => {
    expect(parseCount("--concurrency", text)).toBe(value);
  });

  test.each(["", "0", "-1", "1.5", "1e3", "0x10", " 1", "100000", "many", "Infinity"])("%p is none", (text) => {
    expect(refusal(() => parseCount("--concurrency", text))).toBe(
      `--concurrency wants a whole number from 1 to 99999; not "${text}".`,
    );
  });
});

describe("words", () => {
  const WORDS = ["lapi", "agent"] as const;

  test("of the list are taken, others refused with the list", () => {
    expect(parseWord("--role", "agent", WORDS)).toBe("agent");
    expect(refusal(() => parseWord("--role", "Agent", WORDS))).toBe(
      '--role knows no "Agent"; it is one of lapi, agent.',
    );
  });

  test.each([
    [["lapi,agent"], ["lapi", "agent"]],
    [
      ["agent", "lapi"],
      ["agent", "lapi"],
    ],
    [[" lapi , agent ,"], ["lapi", "agent"]],
    [
      ["lapi", "lapi,agent"],
      ["lapi", "agent"],
    ],
  ])("%p make the list %p", (texts, words) => {
    expect(parseWords("--role", texts, WORDS)).toEqual(words);
  });

  test.each([[[""]], [[","]], [[" , "]], [[]]])("%p is no list", (texts) => {
    expect(refusal(() => parseWords("--role", texts, WORDS))).toBe("--role wants at least one of lapi, agent.");
  });
});

describe("the Local API's URL", () => {
  test.each([
    ["http://10.0.0.5:8080", "http://10.0.0.5:8080/"],
    ["https://web.example/crowdsec", "https://web.example/crowdsec/"],
  ])("%s is taken as CrowdSec writes it: %s", (text, url) => {
    expect(parseLapiUrl("--lapi-url", text)).toBe(url);
  });

  test.each([
    ["nonsense", '"nonsense" is not a URL'],
    ["localhost:8080", '"localhost:8080" is neither http:// nor https://'],
    ["http://machine:hunter2@h:8080/", '"[secret]" is a URL with credentials in it'],
    ["ftp://machine:hunter2@h/", '"[secret]" is neither http:// nor https://'],
    ["http://machine:hunter2@h:99999/", '"[secret]" is not a URL'],
    ["machine:hunter2@h:8080", '"[secret]" is neither http:// nor https://'],
  ])("%s is refused, without a word of credentials: %s", (text, reason) => {
    expect(refusal(() => parseLapiUrl("--lapi-url", text))).toBe(
      `--lapi-url wants a URL such as http://10.0.0.5:8080/; ${reason}.`,
    );
  });
});

describe("a proxy", () => {
  test.each([
    ["http://10.0.0.5:3128", "http://10.0.0.5:3128"],
    ["proxy.corp.example:3128", "http://proxy.corp.example:3128"],
    ["socks5://10.0.0.5", "socks5://10.0.0.5:1080"],
  ])("%s is read as HTTPS_PROXY would be", (text, shown) => {
    expect(parseProxy("--proxy", text)).toMatchObject({ shown });
  });

  test("none is none", () => {
    expect(parseProxy("--proxy", "none")).toBe("none");
  });

  test.each(["", "ftp://10.0.0.5", "http://10.0.0.5:99999"])('"%s" is refused with an example', (text) => {
    expect(() => parseProxy("--proxy", text)).toThrow(
      /^--proxy wants a proxy such as http:\/\/10\.0\.0\.5:3128, or none/,
    );
  });

  test("a login is refused, and not repeated: others can read an argument list", () => {
    const parse = () => parseProxy("--proxy", "http://user:canary-secret@10.0.0.5:3128");
    expect(parse).toThrow(/takes no user and no password/);
    expect(parse).not.toThrow(/canary/);
  });
});

describe("patterns", () => {
  const IDS = ["lapi-reachable", "lapi-tls", "outgoing-hub", "outgoing-hub-data", "metrics"];
  const matching = (...texts: string[]): string[] => IDS.filter(parsePatterns("--only", texts, IDS));

  test.each([
    [["metrics"], ["metrics"]],
    [["lapi"], ["lapi-reachable", "lapi-tls"]],
    [["lapi-*"], ["lapi-reachable", "lapi-tls"]],
    [["*-tls"], ["lapi-tls"]],
    [["outgoing-hub"], ["outgoing-hub", "outgoing-hub-data"]],
    [["*hub"], ["outgoing-hub"]],
    [["*"], IDS],
    [["metrics,lapi-tls"], ["lapi-tls", "metrics"]],
    [
      ["metrics", " lapi-tls "],
      ["lapi-tls", "metrics"],
    ],
  ])("%p means %p", (texts, ids) => {
    expect(matching(...texts)).toEqual(ids);
  });

  test.each(["lap", "nothing", "metrics-*", "metr.cs", "(", "lapi-", "Metrics"])(
    "%s matches nothing, and a typo never makes a run green",
    (text) => {
      expect(refusal(() => matching(text))).toBe(
        `--only ${text} matches no check; "crowdsec-preflight list" shows them all.`,
      );
    },
  );

  test("each of a list must match", () => {
    expect(refusal(() => matching("metrics,nothing"))).toContain("--only nothing matches no check");
  });

  test("an empty list is none", () => {
    expect(refusal(() => matching(" , "))).toContain("--only wants the id of a check");
  });
});

describe("ports", () => {
  test.each<[string[], number[]]>([
    [["8080"], [8080]],
    [
      ["8080,7422", "6060"],
      [8080, 7422, 6060],
    ],
    [
      ["1", "65535", "1"],
      [1, 65_535],
    ],
  ])("%p are %p", (texts, ports) => {
    expect(parsePorts("--port", texts)).toEqual(ports);
  });

  test.each([[""], ["0"], ["65536"], ["http"], ["80x"], ["-1"], ["8080;"]])("%p is refused", (text) => {
    expect(refusal(() => parsePorts("--port", [text]))).toMatch(/^--port wants ports from 1 to 65535/);
  });
});

test("a duration that may be left out altogether", () => {
  expect(parseOptionalDuration("--idle", "none")).toBe(0);
  expect(parseOptionalDuration("--idle", "45s")).toBe(45_000);
  expect(refusal(() => parseOptionalDuration("--idle", "0s"))).toMatch(/^--idle wants a duration/);
});

test("a duration may be longer where its flag says so", () => {
  expect(parseDuration("--remind", "365d", 365)).toBe(365 * 86_400_000);
  expect(refusal(() => parseDuration("--remind", "366d", 365))).toBe(
    '--remind wants a duration above zero and up to 365 days, such as 30m, 12h or 7d; not "366d".',
  );
});

test.each(["none", "None", "0"])("%s is no time at all", (text) => {
  expect(parseOptionalDuration("--splay", text)).toBe(0);
});

describe("N of M runs", () => {
  test.each([
    ["1/1", { needed: 1, of: 1 }],
    ["2/3", { needed: 2, of: 3 }],
    ["20/20", { needed: 20, of: 20 }],
  ])("%s", (text, rule) => {
    expect(parseRule("--confirm", text)).toEqual(rule);
  });

  test.each(["", "2", "0/3", "3/2", "2/21", "2/3/4", "-1/3", "2 / 3", "a/b", "1.5/3"])("%p is no such rule", (text) => {
    expect(refusal(() => parseRule("--confirm", text))).toBe(
      `--confirm wants two numbers such as 2/3, two of the last three runs, of at most 20; not "${text}".`,
    );
  });
});

describe("a report in a file", () => {
  test.each([
    ["json=report.json", { format: "json", path: "report.json" }],
    ["prometheus=/var/lib/x=y.prom", { format: "prometheus", path: "/var/lib/x=y.prom" }],
  ])("%s", (text, file) => {
    expect(parseReportFile("--report", text)).toEqual(file);
  });

  test.each([
    ["json", 'wants a format and a file, such as json=report.json; not "json"'],
    ["json=", "wants a format and a file"],
    ["=x", '--report knows no ""'],
    ["xml=x", '--report knows no "xml"; it is one of pretty, short, json'],
    ["json=-", "for the standard output there is --output json"],
  ])("%p is none", (text, words) => {
    expect(refusal(() => parseReportFile("--report", text))).toContain(words);
  });
});
