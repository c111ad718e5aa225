import { expect, test } from "@jest/globals";
import { OUTGOING } from "../../checks/endpoints.ts";
import { isEnding, isPublicName, looksLikeName, publicLabels } from "../../src/anonymity/public-names.ts";

const looks = (word: string): boolean => {
  const labels = word.split(".");
  return looksLikeName(
    labels.map((label) => label.toLowerCase()),
    labels.at(-1) ?? "",
  );
};

test("all that CrowdSec asks for on the internet is known to everybody", () => {
  for (const { host } of OUTGOING) expect([host, isPublicName(host)]).toEqual([host, true]);
});

test.each(["d3fo0g5hm7lbuv.cloudfront.net", "deb.debian.org", "2.debian.pool.ntp.org", "raw.githubusercontent.com"])(
  "%s is known to everybody",
  (name) => expect(isPublicName(name)).toBe(true),
);
test.each(["notcrowdsec.net", "crowdsec.net.corp.example", "abc.cloudfront.net", "corp.example", "net"])(
  "%s is not",
  (name) => expect(isPublicName(name)).toBe(false),
);

test.each<[string, number]>([
  ["db1.corp.com", 1],
  ["db1.corp.co.uk", 2],
  ["co.uk", 1],
  ["db1.local", 1],
  ["db1.corp.example", 1],
  ["db1.acme", 0],
  ["ip-10-0-0-5.eu-west-1.compute.internal", 2],
  ["d123.cloudfront.net", 2],
  ["lapi.crowdsec.svc.cluster.local", 3],
])("of %s the last %d are nobody's", (name, labels) => {
  expect(publicLabels(name.split("."))).toBe(labels);
});

test.each([
  ...["db1.corp.example", "www.firma.de", "firma.de", "www.firma.pl", "nas.local", "a.b.c.internal", "x.co.uk"],
  ...["WWW.FIRMA.DE", "163.com", "xn--mller-kva.de", "_ldap._tcp.corp.com"],
])("%s can be nothing but a host name", (word) => {
  expect(looks(word)).toBe(true);
});

test.each([
  ...[
    "config.yaml",
    "config.yaml.local",
    "jail.local",
    "crowdsec.service",
    "docker_start.sh",
    "script.pl",
    "libfoo.so",
  ],
  ...[
    "api.server.listen_uri",
    "db_config.host",
    "evt.Meta.source_ip",
    "crowdsec.db",
    "acquis.d",
    "main.go",
    "access.log",
  ],
  ...[
    "end.It",
    "net.Dial",
    "run.id",
    "crowdsec_service.enable",
    "local_api_credentials.yaml",
    "1.4.6",
    "sources.list.d",
  ],
])("%s may be something else", (word) => {
  expect(looks(word)).toBe(false);
});

test("endings of files, and the numbers of old logs, can follow a name", () => {
  expect(["conf", "pem", "log", "1", "gz"].map(isEnding)).toEqual([true, true, true, true, true]);
  expect(["de", "corp", "2024"].map(isEnding)).toEqual([false, false, false]);
});
