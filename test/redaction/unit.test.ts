import { expect, test } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import { shown } from "./structures.ts";

test.each([
  [
    "a variable",
    "[Service]\nEnvironment=DB_PASSWORD=canary TZ=UTC\n",
    "[Service]\nEnvironment=DB_PASSWORD=REDACTED-1 TZ=UTC\n",
  ],
  [
    "a quoted variable",
    `[Service]\nEnvironment="DB_PASSWORD=can ary" 'TZ=UTC'\n`,
    `[Service]\nEnvironment="DB_PASSWORD=REDACTED-1 " 'TZ=UTC'\n`,
  ],
  [
    "a variable on a joined line",
    "[Service]\nEnvironment=TZ=UTC \\\n  AGENT_PASSWORD=canary\nRestart=always\n",
    "[Service]\nEnvironment=TZ=UTC \\\n  AGENT_PASSWORD=REDACTED-1\nRestart=always\n",
  ],
  [
    "a variable behind a comment between joined lines",
    "[Service]\nEnvironment=TZ=UTC \\\n# the database\n  ; its password\n  DB_PASSWORD=canary \\\n  AGENT_PASSWORD=canary2\nRestart=always\n",
    "[Service]\nEnvironment=TZ=UTC \\\n# the database\n  ; its password\n  DB_PASSWORD=REDACTED-1 \\\n  AGENT_PASSWORD=REDACTED-2\nRestart=always\n",
  ],
  ["a private variable", "[Service]\nEnvironment=COMPANY=Example\n", "[Service]\nEnvironment=REMOVED\n"],
  [
    "a proxy's login",
    "[Service]\nEnvironment=HTTPS_PROXY=http://me:canary@p:3128\n",
    "[Service]\nEnvironment=HTTPS_PROXY=http://me:REDACTED-1@p:3128\n",
  ],
  [
    "a credential",
    "[Service]\nSetCredential=db:canary\nLoadCredential=x:/etc/x\n",
    "[Service]\nSetCredential=db:REDACTED-1\nLoadCredential=x:/etc/x\n",
  ],
  [
    "an argument",
    "[Service]\nExecStart=/usr/bin/x --token canary -c /etc/x.yaml\n",
    "[Service]\nExecStart=/usr/bin/x --token REDACTED-1 -c /etc/x.yaml\n",
  ],
  [
    "an argument on joined lines",
    "[Service]\nExecStart=/usr/bin/x \\\n  --api-key \\\n# the key\n  canary \\\n  -c y\nRestart=always\n",
    "[Service]\nExecStart=/usr/bin/x \\\n  --api-key \\\n# the key\n  REDACTED-1 \\\n  -c y\nRestart=always\n",
  ],
  [
    "an argument of a shell's command",
    "[Service]\nExecStart=/bin/sh -c 'curl -u bob:canary http://x'\n",
    "[Service]\nExecStart=/bin/sh -c 'curl -u bob:REDACTED-1 http://x'\n",
  ],
  [
    "CrowdSec's own unit",
    "[Unit]\nDescription=Crowdsec agent\n\n[Service]\nType=notify\nEnvironment=LC_ALL=C LANG=C\nExecStartPre=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml -t -error\nExecReload=/bin/kill -HUP $MAINPID\n",
    "[Unit]\nDescription=Crowdsec agent\n\n[Service]\nType=notify\nEnvironment=LC_ALL=C LANG=C\nExecStartPre=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml -t -error\nExecReload=/bin/kill -HUP $MAINPID\n",
  ],
])("%s: what is secret or private is gone, and nothing else", (_what, text, expected) => {
  expect(shown(text, "unit")).toBe(expected);
});

test("where systemd finds a credential is no secret; what it is, is", () => {
  const redactor = createRedactor();
  const text = "[Service]\nLoadCredential=firstboot.locale\nImportCredential=sysctl.*\nSetCredential=x:Abc123secret\n";
  redactor.study(text, "unit", "x.service");
  expect(redactor.redact(text, "unit").text).toMatch(
    /^\[Service\]\nLoadCredential=firstboot\.locale\nImportCredential=sysctl\.\*\nSetCredential=x:REDACTED-\d+\n$/,
  );
  expect(redactor.ordinary).toEqual([]);
});
