import { describe, expect, test } from "@jest/globals";
import type { ConfigMistake } from "../../src/model/topology.ts";
import { type Version, within } from "../../src/model/version.ts";
import { judgeSource } from "../../src/topology/acquisition-shapes.ts";
import { parseYamlDocuments } from "../../src/topology/yaml-tree.ts";

const judge = (content: string, source: string, version: Version = [1, 7, 8]): readonly ConfigMistake[] => {
  const parsed = parseYamlDocuments(content, "/etc/crowdsec/acquis.yaml");
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.trees
    .flatMap((tree) => judgeSource(tree, source))
    .filter(({ versions }) => versions === undefined || !within(version, versions));
};

const keys = (mistakes: readonly ConfigMistake[]): readonly string[] => mistakes.map(({ key }) => key);

describe("a document of acquis.yaml", () => {
  test.each([
    ["file", "filenames:\n  - /var/log/nginx/*.log\nlabels:\n  type: nginx\n", [1, 4, 6]],
    ["file", "filename: /var/log/apache2/*.log\nlabels: {type: apache2}\nforce_inotify: true\n", [1, 4, 6]],
    [
      "journalctl",
      'source: journalctl\njournalctl_filter:\n - "_SYSTEMD_UNIT=ssh.service"\nlabels: {type: syslog}\n',
      [1, 4, 6],
    ],
    ["docker", "source: docker\ncontainer_name: [web]\nfollow_stdout: yes\nlabels: {type: nginx}\n", [1, 4, 6]],
    [
      "syslog",
      "source: syslog\nlisten_addr: 127.0.0.1\nlisten_port: 514\nlabels: {type: syslog}\nlog_level: debug\n",
      [1, 4, 6],
    ],
    [
      "wineventlog",
      "source: wineventlog\nevent_channel: Security\nevent_ids: [4625]\nevent_level: information\nlabels: {type: eventlog}\n",
      [1, 4, 6],
    ],
    ["cloudwatch", "source: cloudwatch\ngroup_name: /aws/x\nmax_stream_age: 5m\nlabels: {type: x}\n", [1, 4, 6]],
    [
      "appsec",
      "source: appsec\nlisten_addr: 127.0.0.1:7422\nappsec_config: crowdsecurity/appsec-default\nname: a\nlabels: {type: appsec}\n",
      [1, 6, 0],
    ],
    [
      "loki",
      "source: loki\nurl: http://x:3100/\nquery: '{a=\"b\"}'\nauth: {username: u, password: p}\nheaders: {X-Scope-OrgID: 1}\nlabels: {type: x}\n",
      [1, 6, 0],
    ],
    ["s3", "source: s3\npolling_method: sqs\npolling_interval: 10\nlabels: {type: x}\n", [1, 5, 0]],
    ["kafka", "source: kafka\nbrokers: ['x:9093']\ntopic: t\ntls: {ca_cert: x}\nlabels: {type: x}\n", [1, 4, 6]],
    [
      "http",
      "source: http\nlisten_addr: ':8081'\npath: /a\nauth_type: headers\nheaders: {key: x}\nlabels: {type: x}\n",
      [1, 6, 4],
    ],
  ] as readonly [string, string, Version][])("for %s as it is documented is fine", (source, content, version) => {
    expect(judge(content, source, version)).toEqual([]);
    expect(judge(content, source)).toEqual([]);
  });

  test.each([
    ["file", "filename: x\nlabels: {type: x}\nfoobar: 1\n", "foobar"],
    ["docker", "source: docker\ncontainer_names: [x]\n", "container_names"],
    ["syslog", "source: syslog\njournal: x\n", "journal"],
    ["loki", "source: loki\nauth: {user: x}\n", "auth.user"],
    ["kafka", "source: kafka\ntls: {ca: x}\n", "tls.ca"],
    ["appsec", "source: appsec\nlisten_adr: x\n", "listen_adr"],
  ])("for %s with a key of none of its own is refused at the key", (source, content, key) => {
    const mistakes = judge(content, source);
    expect(mistakes).toMatchObject([{ key, kind: "unknown-key" }]);
    expect(mistakes[0]).not.toHaveProperty("versions");
  });

  test.each([
    ["file", "filenames: /var/log/x\n", "filenames wants a list, and is text"],
    ["file", "filename: [/var/log/x]\n", "filename wants text, and is a list"],
    ["file", "filename: x\nlabels: [nginx]\n", "labels wants a mapping, and is a list"],
    ["file", "filename: x\nlabels: {type: [nginx]}\n", "labels.type wants text, and is a list"],
    ["file", "filename: x\nlog_level: verbose\n", "log_level wants a log level such as info, and is other text"],
    ["journalctl", "journalctl_filter: _SYSTEMD_UNIT=x\n", "journalctl_filter wants a list, and is text"],
    ["docker", "container_name: web\n", "container_name wants a list, and is text"],
    ["syslog", "listen_port: true\n", "listen_port wants a number, and is a boolean"],
    ["wineventlog", "event_ids: [a]\n", "event_ids[0] wants a number, and is text"],
    ["http", "timeout: toto\n", "timeout wants a duration such as 4h, and is other text"],
  ])("for %s, %j is refused", (source, content, said) => {
    expect(judge(content, source).map(({ key, problem }) => `${key} ${problem}`)).toEqual([said]);
  });

  test.each([
    ["docker", "use_container_labels: true", [1, 6, 1], [1, 6, 2]],
    ["docker", "service_name: [x]", [1, 6, 11], [1, 7, 0]],
    ["docker", "force_inotify: true", [1, 6, 2], [1, 6, 1]],
    ["file", "poll_without_inotify: true", [1, 4, 6], [1, 5, 0]],
    ["appsec", "listen_socket: /run/x", [1, 6, 0], [1, 6, 1]],
    ["appsec", "appsec_configs: [x]", [1, 6, 3], [1, 6, 4]],
    ["wineventlog", "event_file: x", [1, 6, 4], [1, 6, 3]],
    ["wineventlog", "eventfile: x", [1, 6, 3], [1, 6, 4]],
    ["syslog", "transform: evt.Line", [1, 4, 6], [1, 5, 0]],
  ] as readonly [string, string, Version, Version][])(
    "for %s, %s stops %j and not %j",
    (source, content, bad, good) => {
      expect(judge(content, source, bad)).toHaveLength(1);
      expect(judge(content, source, good)).toEqual([]);
    },
  );

  test("for http, an unknown key stops 1.7.5 and later only: before, it is not decoded strictly", () => {
    const content = "source: http\nlisten_adr: x\nbasic_auth: {user: x}\ntls: {cert: x}\n";
    expect(judge(content, "http", [1, 7, 4])).toEqual([]);
    expect(keys(judge(content, "http", [1, 7, 5]))).toEqual(["listen_adr", "basic_auth.user", "tls.cert"]);
  });

  test("a number in quotes is let pass: newer versions take it", () => {
    expect(judge("listen_port: '514'", "syslog")).toEqual([]);
  });
});

describe("the data source", () => {
  test.each([
    ["kafka", [1, 4, 1], [1, 4, 2]],
    ["k8s-audit", [1, 4, 6], [1, 5, 0]],
    ["s3", [1, 4, 6], [1, 5, 0]],
    ["appsec", [1, 5, 5], [1, 6, 0]],
    ["loki", [1, 5, 5], [1, 6, 0]],
    ["http", [1, 6, 3], [1, 6, 4]],
    ["victorialogs", [1, 6, 4], [1, 6, 5]],
  ] as readonly [string, Version, Version][])("%s is none of %j, and one of %j", (source, before, first) => {
    const content = `# nothing\nsource: ${source}\n`;
    expect(judge(content, source, before)).toMatchObject([{ key: "source", origin: "/etc/crowdsec/acquis.yaml:2" }]);
    expect(judge(content, source, first)).toEqual([]);
  });

  test.each([
    ["dokcer", { hint: "did you mean docker?" }],
    ["journald", {}],
    ["constructor", {}],
  ])("%s is none of any version, and its keys are not judged", (source, more) => {
    const [mistake, ...others] = judge(`source: ${source}\nwhatever: 1\n`, source);
    expect(others).toEqual([]);
    expect(mistake).toEqual({
      origin: "/etc/crowdsec/acquis.yaml:1",
      key: "source",
      kind: "wrong-kind",
      problem: "is none that CrowdSec knows",
      ...more,
    });
  });

  test("from the environment is not judged", () => {
    expect(judge("source: $SOURCE\nfoo: 1\n", "$SOURCE")).toEqual([]);
  });

  test("that another key speaks against is read as either, since versions differ in which counts", () => {
    expect(judge("source: syslog\nfilename: /var/log/x\nforce_inotify: true\n", "syslog")).toEqual([]);
    expect(judge("source: file\njournalctl_filter: [x]\n", "file")).toEqual([]);
    expect(keys(judge("source: syslog\nfilename: /var/log/x\nfoobar: 1\n", "syslog"))).toContain("foobar");
  });
});

test("no secret of a document is repeated", () => {
  const mistakes = judge("auth: {pasword: canary, username: [canary]}\nheaders: canary\nurl: [canary]\n", "loki");
  expect(keys(mistakes)).toEqual(["auth.pasword", "auth.username", "headers", "url"]);
  expect(JSON.stringify([...mistakes, ...judge("source: canary", "canary")])).not.toContain("canary");
});
