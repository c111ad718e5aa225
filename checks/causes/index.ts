import type { CauseCatalogue } from "../../src/model/cause.ts";
import { links } from "./chain.ts";
import { egress } from "./egress.ts";
import { captivePortal, caStoreOutdated, tlsIntercepted, wrongClock } from "./interception.ts";
import { anotherLapi } from "./lapi.ts";
import { resolverDead, resolverSelective } from "./names.ts";
import { proxies } from "./proxies.ts";
import { mendedSince, notListening } from "./service.ts";

/** The causes that have a name, in the order in which they are tried, and what follows from what. */
export const causes: CauseCatalogue = {
  named: [
    wrongClock,
    resolverDead,
    resolverSelective,
    ...proxies,
    tlsIntercepted,
    caStoreOutdated,
    captivePortal,
    ...egress,
    anotherLapi,
    mendedSince,
    notListening,
  ],
  links,
};
