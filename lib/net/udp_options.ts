import { booleanOf, INT_MAX, integerIn, invalidType } from '../internal/arguments.js';
import { failSocket } from './failure.js';
import { CLOSED, netMembership, netMulticastInterface } from './native.js';
import { getNumber, IPPROTO_IP, IPPROTO_IPV6, setOptions, SOL_SOCKET, SO_BROADCAST, SO_RCVBUF, SO_SNDBUF, triple } from './options.js';

const IP_TTL = 2;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;

/** What can be set on a UDP socket at any time: names and arguments are those of `node:dgram`. Nothing here parks. */
export abstract class UdpOptionCalls {
  /** @internal */
  handle = CLOSED;
  /** @internal */
  protected family: 4 | 6 = 4;

  /** @internal */
  protected abstract open(host: string | undefined): number;

  /**
   * Receives from now on what is sent to a multicast group.
   *
   * @param networkInterface its name (`lo`), or one of its addresses, for a group of IPv4; default: the system chooses
   * @throws `EINVAL` for what is no such address, `ENODEV`, `EADDRINUSE` when it is a member already
   */
  addMembership(group: string, networkInterface?: string): void {
    this.membership(true, group, networkInterface, undefined);
  }

  /** Undoes {@link addMembership}, as closing the socket does. */
  dropMembership(group: string, networkInterface?: string): void {
    this.membership(false, group, networkInterface, undefined);
  }

  /** Like {@link addMembership}, but only what `source` sends. */
  addSourceSpecificMembership(source: string, group: string, networkInterface?: string): void {
    this.membership(true, group, networkInterface, source);
  }

  /** Undoes {@link addSourceSpecificMembership}. */
  dropSourceSpecificMembership(source: string, group: string, networkInterface?: string): void {
    this.membership(false, group, networkInterface, source);
  }

  /** Through which network multicast datagrams are sent: a name (`lo`), or one of its addresses, of a socket of IPv4. */
  setMulticastInterface(networkInterface: string): void {
    if (typeof networkInterface !== 'string') throw invalidType('networkInterface', 'a string', networkInterface);
    const handle = this.open(undefined);
    const result = netMulticastInterface(handle, networkInterface);
    if (result < 0) failSocket(handle, result, 'udp.setMulticastInterface', 'setMulticastInterface');
  }

  /** How many routers a multicast datagram passes at most: 0 to 255, 1 at first. */
  setMulticastTTL(ttl: number): void {
    this.set(IPPROTO_IP, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, integerIn('ttl', ttl, 0, 255), 'setMulticastTTL');
  }

  /** Whether this machine receives what it sends to a group. On at first. */
  setMulticastLoopback(on: boolean): void {
    this.set(IPPROTO_IP, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, Number(booleanOf('on', on)), 'setMulticastLoopback');
  }

  /** How many routers a datagram passes at most: 1 to 255. */
  setTTL(ttl: number): void {
    this.set(IPPROTO_IP, IP_TTL, IPV6_UNICAST_HOPS, integerIn('ttl', ttl, 1, 255), 'setTTL');
  }

  /** Whether datagrams may be sent to broadcast addresses. */
  setBroadcast(on: boolean): void {
    setOptions(this.open(undefined), triple(SOL_SOCKET, SO_BROADCAST, booleanOf('on', on)), 'udp.setBroadcast');
  }

  /** Bytes of the system's buffer for received datagrams; the system doubles it for its own needs. */
  setRecvBufferSize(size: number): void {
    setOptions(this.open(undefined), triple(SOL_SOCKET, SO_RCVBUF, integerIn('size', size, 1, INT_MAX)), 'udp.setRecvBufferSize');
  }

  /** The same for datagrams to send. */
  setSendBufferSize(size: number): void {
    setOptions(this.open(undefined), triple(SOL_SOCKET, SO_SNDBUF, integerIn('size', size, 1, INT_MAX)), 'udp.setSendBufferSize');
  }

  /** What {@link setRecvBufferSize} has set, as the system keeps it. */
  getRecvBufferSize(): number {
    return getNumber(this.open(undefined), SOL_SOCKET, SO_RCVBUF, 'udp.getRecvBufferSize');
  }

  /** What {@link setSendBufferSize} has set, as the system keeps it. */
  getSendBufferSize(): number {
    return getNumber(this.open(undefined), SOL_SOCKET, SO_SNDBUF, 'udp.getSendBufferSize');
  }

  private set(level: number, name: number, ipv6Name: number, value: number, call: string): void {
    const handle = this.open(undefined);
    setOptions(handle, this.family === 6 ? triple(IPPROTO_IPV6, ipv6Name, value) : triple(level, name, value), `udp.${call}`);
  }

  private membership(join: boolean, group: string, networkInterface: string | undefined, source: string | undefined): void {
    if (typeof group !== 'string') throw invalidType('group', 'a string', group);
    if (networkInterface !== undefined && typeof networkInterface !== 'string') {
      throw invalidType('networkInterface', 'a string', networkInterface);
    }
    if (source !== undefined && typeof source !== 'string') throw invalidType('source', 'a string', source);
    const handle = this.open(group);
    const result = netMembership(handle, join, group, networkInterface ?? '', source);
    if (result < 0) failSocket(handle, result, 'udp.membership', join ? 'addMembership' : 'dropMembership');
  }
}
