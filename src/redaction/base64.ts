/** `user:password` of HTTP's Basic: the password is another spelling of it. */
export const aliasesOfBasic = (scheme: string, token: string): { readonly aliases?: readonly string[] } => {
  if (!/^basic/i.test(scheme)) return {};
  const password = basicPassword(token);
  return password === undefined ? {} : { aliases: [password] };
};

export const basicPassword = (token: string): string | undefined => {
  if (!/^[A-Za-z0-9+/=_-]{4,2000}$/.test(token)) return undefined;
  const [, password] = /^[\x20-\x39\x3b-\x7e]{0,200}:([\x20-\x7e]{1,200})$/.exec(fromBase64(token)) ?? [];
  return password;
};

export const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
export const fromBase64 = (text: string): string => {
  let [bits, value, decoded] = [0, 0, ""];
  for (const char of text.replaceAll("-", "+").replaceAll("_", "/")) {
    const index = ALPHABET.indexOf(char);
    if (index < 0) break;
    value = ((value << 6) | index) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      decoded += String.fromCharCode((value >> bits) & 0xff);
    }
  }
  return decoded;
};

/** At least so many small letters, capitals and digits as chance leaves out of few. */
export const isMixed = (text: string, least: number): boolean =>
  [/[a-z]/g, /[A-Z]/g, /\d/g].every(
    (kind, index) => (text.match(kind)?.length ?? 0) >= (index === 2 ? Math.ceil(least / 3) : least),
  );
