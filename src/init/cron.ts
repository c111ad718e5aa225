import type { InitFile, InitInput } from "./file.ts";
import { cronCommand } from "./quoting.ts";

/** Without a dot in its name: cron leaves files with one alone, as what packages and editors leave behind. */
const TABLE = "/etc/cron.d/crowdsec-preflight";

const table = ({ command, version }: InitInput): string => `\
# crowdsec-preflight ${version}: is CrowdSec well on this host? Made by "crowdsec-preflight init cron".
#
# Cron mails what this prints. It prints nothing while nothing changes; what is wrong, once, with what mends it; and that
# all is well again. Where this host sends no mail, nobody gets it: then --ping-url, or "init systemd", "init nagios" and
# "init prometheus" are other ways to hear of it. Once a day it tells again what is still wrong (--remind).
#
# The mail goes to root, unless this names somebody else:
#MAILTO=admin@example.org
# Whoever knows this address can send pings too; then this file should be root's alone (chmod 0600).
#CROWDSEC_PREFLIGHT_PING_URL=https://hc-ping.com/your-uuid
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Every five minutes, each host within a random half minute of its own. What got worse is told once two of the last three
# runs have seen it. As root: it reads CrowdSec's credentials, and what other users' processes were started with.
*/5 * * * * root ${cronCommand([...command, "--cron", "--splay", "30s", "--confirm", "2/3", "--remind", "24h"])}
`;

export const cronFiles = (input: InitInput): readonly InitFile[] => [
  {
    path: TABLE,
    content: table(input),
    what: "A table for cron, which finds it by itself within a minute: it looks every five minutes, and mails when something changes.",
  },
];
