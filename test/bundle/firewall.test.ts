import { describe, expect, test } from "@jest/globals";
import { countElements, countIptables, countNft, firewallLooks } from "../../src/bundle/firewall.ts";
import { failedWith, ranWith } from "../support/world.ts";
import { contentOf, lookedAt, saying, whyNot } from "./host.ts";

/** As `nft -t list ruleset` prints it (nftables 1.0), with the tables of CrowdSec's firewall bouncer. */
const RULESET = `table ip crowdsec {
	set crowdsec-blacklists {
		type ipv4_addr
		flags timeout
	}

	chain crowdsec-chain {
		type filter hook input priority filter - 10; policy accept;
		ip saddr @crowdsec-blacklists drop
	}
}
table inet filter {
	map services {
		type inet_service : verdict
	}

	ct helper ftp-standard {
		type "ftp" protocol tcp
		l3proto inet
	}

	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept,
				invalid : drop }
		tcp dport { 22, 80,
			    443 } accept comment "not a { brace"
		log prefix "}" drop
	}

	chain empty {
	}
}
`;

const COUNTS = `table ip crowdsec
  set crowdsec-blacklists
  chain crowdsec-chain: type filter hook input priority filter - 10; policy accept: 1 rule
table inet filter
  map services
  ct helper ftp-standard
  chain input: type filter hook input priority filter; policy drop: 3 rules
  chain empty: 0 rules`;

const SETS = [
  { family: "ip", table: "crowdsec", name: "crowdsec-blacklists" },
  { family: "inet", table: "filter", name: "services" },
];

/** The probe of commands trims each line. */
const trimmed = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .join("\n");

test.each([
  ["as nft prints it", RULESET],
  ["without indentation", trimmed(RULESET)],
])("nftables' rules are counted, with hooks and policies, and none is repeated (%s)", (_how, ruleset) => {
  expect(countNft(ruleset)).toEqual({ text: COUNTS, sets: SETS });
});

test("a ruleset whose beginning was cut off is counted as far as it goes", () => {
  const { text } = countNft(trimmed(RULESET).split("\n").slice(9).join("\n"));
  expect(text).toContain("chain input: type filter hook input priority filter; policy drop: 3 rules");
});

test.each([
  ["elements = { 1.2.3.4 timeout 4h expires 3h59m, 5.6.7.8,\n2001:db8::/32 }\n}\n}", 3],
  ["elements = { 1.2.3.4 }", 1],
  ["expires 3h, 5.6.7.8 timeout 4h expires 1h,\n9.9.9.9 }\n}\n}", 3],
])("elements of a set are counted in %j", (listed, count) => {
  expect(countElements(listed)).toBe(count);
});

test("iptables' rules are counted by chain, with policies", () => {
  const saved =
    "# Generated\n*filter\n:INPUT DROP [0:0]\n:CROWDSEC_CHAIN - [0:0]\n-A INPUT -j CROWDSEC_CHAIN\n-A CROWDSEC_CHAIN -m set -j DROP\n-A CROWDSEC_CHAIN -j RETURN\nCOMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n";
  expect(countIptables(saved)).toBe(
    [
      "table filter",
      "  chain INPUT: policy DROP: 1 rule",
      "  chain CROWDSEC_CHAIN: 2 rules",
      "table nat",
      "  chain PREROUTING: policy ACCEPT: 0 rules",
    ].join("\n"),
  );
  expect(countIptables("")).toBe("");
});

const counts = (
  says: Parameters<typeof saying>[0],
  rules = false,
  rest: Parameters<typeof lookedAt>[1] = {},
  overrides = {},
) => lookedAt((topology) => firewallLooks(topology, rules), { ...saying(says), ...rest }, overrides);

const NFT = {
  "nft -t list ruleset": trimmed(RULESET),
  "nft list set ip crowdsec crowdsec-blacklists": "elements = { 198.51.100.7 timeout 4h, 198.51.100.8 }",
  "nft list set inet filter services": "table inet filter {\nmap services {\n}\n}",
};

describe("a bundle says of nftables", () => {
  test("how much there is, and how many addresses are banned, but neither rules nor addresses", async () => {
    const part = await counts(NFT);
    expect(part.entries.map(({ name }) => name)).toEqual(["system/firewall/nft.txt"]);
    const text = contentOf(part, "system/firewall/nft.txt") ?? "";
    expect(text).toContain(COUNTS);
    expect(text).toContain("set ip crowdsec crowdsec-blacklists: 2 elements");
    expect(text).toContain("set inet filter services: 0 elements");
    expect(text).not.toMatch(/198\.51|dport/);
  });

  test("the rules by choice, and not even then who is banned", async () => {
    const part = await counts(NFT, true);
    expect(contentOf(part, "system/firewall/nft-rules.txt")).toContain("tcp dport { 22, 80,");
    expect(JSON.stringify(part)).not.toContain("198.51");
  });

  test("that there are more elements than it could count", async () => {
    const listed = "198.51.100.7 timeout 4h expires 3h,\n".repeat(2000);
    const part = await counts({
      ...NFT,
      "nft list set ip crowdsec crowdsec-blacklists": `${listed}198.51.100.8 }\n}\n}`,
    });
    expect(contentOf(part, "system/firewall/nft.txt")).toContain("crowdsec-blacklists: more than 2001 elements");
  });

  test("nothing by the name of a set that nft would read as something else", async () => {
    const ruleset = "table ip x {\nset a;flush {\ntype ipv4_addr\n}\n}";
    const part = await counts({ "nft -t list ruleset": ruleset, "nft list set": "elements = { 1.2.3.4 }" });
    expect(contentOf(part, "system/firewall/nft.txt")).toContain("set ip x a;flush: not counted");
  });

  test("its chains, where it is too old to leave elements out", async () => {
    const part = await counts({
      "nft -t list ruleset": ranWith(1, "unrecognized option"),
      "nft list chains": "table ip x {\n}",
    });
    expect(contentOf(part, "system/firewall/nft.txt")).toBe("table ip x {\n}\n");
  });

  test("that root would see it", async () => {
    const refused = { "nft -t list ruleset": ranWith(1), "nft list chains": ranWith(1) };
    expect(await counts(refused, false, {}, { user: "bob" })).toMatchObject({
      entries: [],
      denied: ["nft list ruleset"],
    });
    expect(whyNot(await counts(refused), "nft list ruleset")).toBe("it ended with 1");
  });

  test("that it gave no answer in time", async () => {
    expect(whyNot(await counts({ "nft -t list ruleset": failedWith("command-timeout") }), "nft")).toBe(
      "no answer in time",
    );
  });
});

test("iptables and ipset are counted too", async () => {
  const part = await counts({
    "iptables-save": "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 198.51.100.7/32 -j DROP\nCOMMIT\n",
    "ipset -terse list": "Name: crowdsec-blacklists\nNumber of entries: 15000",
  });
  expect(contentOf(part, "system/firewall/iptables-save.txt")).toBe(
    "table filter\n  chain INPUT: policy ACCEPT: 1 rule\n",
  );
  expect(contentOf(part, "system/firewall/ipset.txt")).toContain("Number of entries: 15000");
  expect(JSON.stringify(part)).not.toContain("198.51");
});

test("that no firewall's program is here is said once", async () => {
  expect((await counts({})).missing).toEqual([{ source: "nft, iptables-save", why: "no such program here" }]);
});

describe("firewalld", () => {
  const FIREWALLD = { nft: "", "firewall-cmd --get-active-zones": "public", "firewall-cmd --list-all-zones": "all" };
  test("is asked where it runs", async () => {
    const world = { services: { firewalld: {} } };
    expect(contentOf(await counts(FIREWALLD, false, world), "system/firewall/firewalld.txt")).toBe("public");
    expect(contentOf(await counts(FIREWALLD, true, world), "system/firewall/firewalld.txt")).toBe("all");
  });
  test("is left alone where it does not: asking could start it", async () => {
    const part = await counts(FIREWALLD, false, { services: { firewalld: { state: "stopped" } } });
    expect(contentOf(part, "system/firewall/firewalld.txt")).toBeUndefined();
  });
});

describe("ufw", () => {
  const files = {
    "/etc/ufw/ufw.conf": "ENABLED=yes\n",
    "/etc/ufw/user.rules": "*filter\n-A ufw-user-input -s 198.51.100.7 -j DROP\n-A ufw-user-input -j ACCEPT\n",
  };
  test("is read from its files, its rules counted", async () => {
    const part = await counts({ nft: "" }, false, { files });
    expect(contentOf(part, "files/etc/ufw/ufw.conf")).toBe("ENABLED=yes\n");
    expect(contentOf(part, "system/firewall/ufw-4.txt")).toBe("/etc/ufw/user.rules: 2 rules\n");
    expect(contentOf(part, "files/etc/ufw/user.rules")).toBeUndefined();
  });
  test("has its rules in it by choice", async () => {
    const part = await counts({ nft: "" }, true, { files });
    expect(contentOf(part, "files/etc/ufw/user.rules")).toContain("ufw-user-input");
  });
});

describe("pf, on FreeBSD", () => {
  const system = { services: "freebsd", packages: "freebsd" } as const;
  const PF = { "pfctl -sr": "block all\npass out\n", "pfctl -vvsTables": "-pa-r-- crowdsec-blacklists\nAddresses: 12" };
  test("is counted, with its tables, and shown by choice", async () => {
    const text = contentOf(await counts(PF, false, {}, { system }), "system/firewall/pf.txt");
    expect(text).toContain("2 rules");
    expect(text).toContain("Addresses: 12");
    expect(contentOf(await counts(PF, true, {}, { system }), "system/firewall/pf-rules.txt")).toContain("block all");
  });
  test("is missed where it is not", async () => {
    expect(whyNot(await counts({}, false, {}, { system }), "pfctl")).toBe("no such program here");
  });
});
