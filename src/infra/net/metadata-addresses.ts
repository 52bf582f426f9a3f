import { BlockList, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** IPv4 networks where clouds keep credentials of the machine: link-local, Alibaba, Azure, Oracle. */
const METADATA_V4 = ['169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32'];
/** The same of IPv6: link-local, AWS, Google, Scaleway; and NAT64 of a network's own (RFC 8215), which leads anywhere. */
const METADATA_V6 = ['fe80::/10', 'fd00:ec2::/32', 'fd20:ce::254/128', 'fd00:42::42/128', '64:ff9b:1::/48'];
/** Where an IPv4 address stands within an IPv6 one: "compatible", translated (SIIT), NAT64, and 6to4. */
const EMBEDDED = [
  { prefix: '::', at: 96 },
  { prefix: '::ffff:0:0:0', at: 96 },
  { prefix: '64:ff9b::', at: 96 },
  { prefix: '2002::', at: 16 },
];

/** An IPv6 address with these four bytes at a bit of it. */
function embed(prefix: string, at: number, bytes: number[]): string {
  const parts = ipaddr.IPv6.parse(prefix).toByteArray();
  parts.splice(at / 8, 4, ...bytes);
  return ipaddr.fromByteArray(parts).toString();
}

const metadata = new BlockList();
for (const network of METADATA_V6) {
  const [address, bits] = ipaddr.IPv6.parseCIDR(network);
  metadata.addSubnet(address.toString(), bits, 'ipv6');
}
for (const network of METADATA_V4) {
  const [address, bits] = ipaddr.IPv4.parseCIDR(network);
  // Mapped addresses (::ffff:a.b.c.d) are checked by these rules, too.
  metadata.addSubnet(address.toString(), bits);
  for (const { prefix, at } of EMBEDDED)
    metadata.addSubnet(embed(prefix, at, address.toByteArray()), at + bits, 'ipv6');
}

/** True for link-local addresses and those where clouds serve metadata, IPv4 ones written as IPv6 included. */
export function isMetadata(address: string): boolean {
  return metadata.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
