import { isNoSecret } from "./values.ts";

/** Parts of an address to which alerts are sent that are the same for everybody. */
const SHARED_PATH =
  /^(?:_bulk|api|v\d|services|collector|event|raw|loki|push|health|alerts?|messages?|hooks?|webhooks?|post|get|notify|notifications?|crowdsec|index\.\w+)$/i;

/** Where the private part of an address begins that alerts are sent to: whoever knows it can send there. */
export const privatePath = (url: string): { readonly from: number; readonly value: string } | undefined => {
  const [whole, value = ""] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]*[/?]+(.*)$/is.exec(url.trimEnd()) ?? [];
  if (
    whole === undefined ||
    isNoSecret(value) ||
    value.split("/").every((part) => part === "" || SHARED_PATH.test(part))
  )
    return undefined;
  return { from: whole.length - value.length, value };
};
