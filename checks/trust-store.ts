import { defineCheck } from "../src/model/check.ts";

/** Without a CA store every TLS connection of CrowdSec fails, while tools that bring their own roots, Node among them, work. */
export default defineCheck({
  id: "trust-store",
  title: "This system has a CA store where CrowdSec looks for it",
  why: "CrowdSec, a Go program, trusts the certificates of the system's CA store, and of no other. Slim images often have none.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "reads the CA bundle and directories that Go looks for, or SSL_CERT_FILE and SSL_CERT_DIR",
  faults: {
    "no-ca-store": {
      blame: "this-host",
      confidence: "certain",
      says: "no CA certificate in any of the places where CrowdSec looks: {places}",
      remedy: [
        { text: "Install the CA certificates of the distribution.", commands: ["apt-get install ca-certificates"] },
      ],
    },
  },
  async run({ probe }) {
    const { certificates, from, lookedAt } = await probe.trustStore();
    if (certificates === 0)
      return {
        status: "fault",
        fault: "no-ca-store",
        data: { places: lookedAt.join(", ") || "none known for this system" },
      };
    return { status: "pass", note: `${certificates} certificates from ${from.join(", ")}` };
  },
});
