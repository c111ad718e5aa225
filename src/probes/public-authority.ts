import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";

/** More certificates than any server needs to show. */
const MOST_SHOWN = 20;

/** What every encoding of a name spells with the same bytes. */
const PLAIN = /[A-Za-z0-9 ]+/g;

/** `C=US\nO=Internet Security Research Group\nCN=ISRG Root X1` → `Internet Security Research Group`. */
const longestWords = (name: string): string =>
  name
    .split("\n")
    .flatMap((line) => line.slice(line.indexOf("=") + 1).match(PLAIN) ?? [])
    .reduce((longest, words) => (words.length > longest.length ? words : longest), "");

/** A key of a kind that OpenSSL does not know signs nothing. */
const signs = (authority: X509Certificate, certificate: X509Certificate): boolean => {
  try {
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    return false;
  }
};

/** What the server showed above its own certificate, in its order; Node leaves the system's store out of this. */
const shownAbove = (leaf: X509Certificate): readonly X509Certificate[] => {
  const shown: X509Certificate[] = [];
  for (let next = leaf.issuerCertificate; next && shown.length < MOST_SHOWN; next = next.issuerCertificate)
    shown.push(next);
  return shown;
};

/** The authorities of such a name. Parsing all takes 50 ms and a run needs a few: those whose bytes hold the name's words. */
const createDirectory = (pems: readonly string[]): ((name: string) => readonly X509Certificate[]) => {
  let all: readonly (readonly [pem: string, der: Buffer])[] | undefined;
  const found = new Map<string, readonly X509Certificate[]>();
  return (name) => {
    const known = found.get(name);
    if (known) return known;
    all ??= pems.map((pem) => [pem, Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64")]);
    const words = longestWords(name);
    const bearers = all
      .filter(([, der]) => der.includes(words, 0, "latin1"))
      .map(([pem]) => new X509Certificate(pem))
      .filter(({ subject }) => subject === name);
    found.set(name, bearers);
    return bearers;
  };
};

/**
 * Whether a chain of signatures leads from a peer's certificate to one of these authorities. Every certificate on the way
 * counts, not the last one alone: a cross-signed root that the server shows is signed by an older one, which may be gone.
 */
export const createSignedBy = (pems: readonly string[]): ((leaf: X509Certificate) => boolean) => {
  const authorities = createDirectory(pems);
  return (leaf) => {
    const rest = new Set(shownAbove(leaf));
    let reached: readonly X509Certificate[] = [leaf];
    while (reached.length > 0) {
      const here = reached;
      if (here.some((each) => authorities(each.issuer).some((authority) => signs(authority, each)))) return true;
      reached = [...rest].filter((above) => here.some((each) => signs(above, each)));
      for (const above of reached) rest.delete(above);
    }
    return false;
  };
};

/** Of the public authorities that Node brings along: Mozilla's list, whatever this system trusts. */
export const signedByPublicAuthority = createSignedBy(rootCertificates);
