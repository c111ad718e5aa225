import { expect, test } from "@jest/globals";
import type { Kind } from "../../src/redaction/redactor.ts";
import { shown } from "./structures.ts";

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are CrowdSec's
const CASES: readonly (readonly [string, Kind, string, string])[] = [
  [
    "nginx' bouncer",
    "settings",
    "API_KEY=can ary\n#API_KEY=canary2\nSECRET_KEY = 'canary3'\nMODE=live\n",
    "API_KEY=REDACTED-1\n#API_KEY=REDACTED-2\nSECRET_KEY = 'REDACTED-3'\nMODE=live\n",
  ],
  [
    "a bouncer whose sign was left out",
    "settings",
    "API_KEY canary\nMODE live\n# the API_KEY is needed\n# API_KEY of the bouncer\n",
    "API_KEY REDACTED-1\nMODE live\n# the API_KEY is needed\n# API_KEY of the bouncer\n",
  ],
  [
    "a key with a dollar sign",
    "settings",
    "API_KEY=$CAN4RY\nSECRET_KEY=${SECRET_KEY}\n",
    "API_KEY=REDACTED-1\nSECRET_KEY=${SECRET_KEY}\n",
  ],
  [
    "the command that sudo ran",
    "environment",
    "SUDO_COMMAND=/usr/bin/mysql -pcanary7\nSUDO_USER=me\n",
    "SUDO_COMMAND=REMOVED\nSUDO_USER=me\n",
  ],
  [
    "Apache's bouncer",
    "directives",
    "CrowdsecURL http://h\nCrowdsecAPIKey canary\n# CrowdsecAPIKey canary2\nCrowdsecCache shmcb\n",
    "CrowdsecURL http://h\nCrowdsecAPIKey REDACTED-1\n# CrowdsecAPIKey REDACTED-2\nCrowdsecCache shmcb\n",
  ],
  ["a key on the line below", "settings", "API_KEY=\\\n  canary\nMODE=live\n", "API_KEY=\\\n  REDACTED-1\nMODE=live\n"],
  [
    "Apache's key on the line below",
    "directives",
    "CrowdsecAPIKey \\\n canary\nCrowdsecCache shmcb\n",
    "CrowdsecAPIKey \\\n REDACTED-1\nCrowdsecCache shmcb\n",
  ],
  [
    "variables",
    "environment",
    "export TZ=UTC\nAGENT_PASSWORD='can ary'\nCOMPANY=\"Example Ltd\"\nEMPTY=\n# note = x\n",
    'export TZ=UTC\nAGENT_PASSWORD="REDACTED-1 "\nCOMPANY=REMOVED\nEMPTY=\n# note = x\n',
  ],
  [
    "a variable over two lines",
    "environment",
    'DB_PASSWORD="can\nary"\nTZ=UTC\n',
    'DB_PASSWORD="REDACTED-1 "\n\nTZ=UTC\n',
  ],
  ["a variable that was commented out", "environment", "#DB_PASSWORD=canary\n", "#DB_PASSWORD=REDACTED-1\n"],
  [
    "a proxy",
    "environment",
    "HTTPS_PROXY=http://me:can%20ary@p:3128\nhttp_proxy=me:c@n/ary@p:3128\n",
    "HTTPS_PROXY=http://me:REDACTED-1@p:3128\nhttp_proxy=me:REDACTED-2@p:3128\n",
  ],
  [
    "a proxy without a login",
    "environment",
    "HTTPS_PROXY=http://p:3128\nNO_PROXY=localhost,10.0.0.0/8\n",
    "HTTPS_PROXY=http://p:3128\nNO_PROXY=localhost,10.0.0.0/8\n",
  ],
  [
    "people's names",
    "accounts",
    "root:x:0:0:root:/root:/bin/bash\njane:x:1000:1000:Jane Doe,,,:/home/jane:/bin/sh\nold:a9bcd:1001:1001::/:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n",
    "root:x:0:0:root:/root:/bin/bash\njane:x:1000:1000:REMOVED:/home/jane:/bin/sh\nold:REDACTED-1:1001:1001::/:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n",
  ],
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are CrowdSec's

test.each(CASES)("%s: what is secret or private is gone, and nothing else", (_what, kind, text, expected) => {
  expect(shown(text, kind)).toBe(expected);
});
