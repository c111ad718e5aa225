/**
 * An IP address as Go's net.IP holds it: sixteen bytes, IPv4 as `::ffff:a.b.c.d`. Two spellings of one address have the
 * same bytes.
 */
export type Ip = readonly number[];

const MAPPED: Ip = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

const ipv4Bytes = (text: string): readonly number[] | undefined => {
  const parts = text.split(".");
  // Go takes no leading zeros: other programs read them as octal numbers.
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
    ? parts.map(Number)
    : undefined;
};

/** The bytes of a stretch of groups without `::`; an IPv4 address may be the last of all. */
const groupBytes = (text: string, last: boolean): readonly number[] | undefined => {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const embedded = last && index === groups.length - 1 ? ipv4Bytes(group) : undefined;
    if (embedded !== undefined) bytes.push(...embedded);
    else if (/^[\da-f]{1,4}$/i.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255);
    else return undefined;
  }
  return bytes;
};

/** As net.ParseIP reads it: no zone, no brackets. */
export const parseIp = (text: string): Ip | undefined => {
  const four = ipv4Bytes(text);
  if (four !== undefined) return [...MAPPED, ...four];
  const [head = "", tail, ...more] = text.split("::");
  if (!text.includes(":") || more.length > 0) return undefined;
  const before = groupBytes(head, tail === undefined);
  const after = groupBytes(tail ?? "", true);
  if (before === undefined || after === undefined) return undefined;
  const missing = 16 - before.length - after.length;
  // `::` stands for one group at least.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...before, ...Array<number>(missing).fill(0), ...after];
};

/** The same with the zone of an IPv6 address, which it leaves out (netip.ParseAddr). */
export const parseZonedIp = (text: string): Ip | undefined => {
  const [, address = "", zone] = /^([^%]*)(?:%(.+))?$/s.exec(text) ?? [];
  return zone === undefined || address.includes(":") ? parseIp(address) : undefined;
};

const isFour = (ip: Ip): boolean => MAPPED.every((byte, index) => byte === ip[index]);

export const sameIp = (one: Ip, other: Ip): boolean => one.every((byte, index) => byte === other[index]);

/** 127.0.0.0/8, however it is written, or ::1. */
export const isLoopbackIp = (ip: Ip): boolean =>
  isFour(ip) ? ip[12] === 127 : ip.every((byte, index) => byte === (index === 15 ? 1 : 0));

export interface IpRange {
  readonly ip: Ip;
  /** Of all sixteen bytes. */
  readonly bits: number;
}

const masked = ({ ip, bits }: IpRange): Ip =>
  ip.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * index))) & 0xff);

/** CIDR notation as net.ParseCIDR reads it. */
export const parseRange = (text: string): IpRange | undefined => {
  const [, address = "", digits = ""] = /^([^/]*)\/(\d{1,7})$/.exec(text) ?? [];
  const ip = parseIp(address);
  const width = address.includes(":") ? 128 : 32;
  return ip === undefined || Number(digits) > width ? undefined : { ip, bits: Number(digits) + 128 - width };
};

/** No IPv6 range holds an IPv4 address, not even ::/0 (net.IPNet.Contains). */
export const inRange = (range: IpRange, ip: Ip): boolean => {
  const network = masked(range);
  return isFour(network) === isFour(ip) && sameIp(network, masked({ ip, bits: range.bits }));
};
