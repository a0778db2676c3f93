import { randomBytes } from 'node:crypto'
import { Message, parseMessage } from 'werift'
import type { Endpoint } from '../media/latch.ts'

export interface IceCredentials {
  ufrag: string
  pwd: string
}

const BINDING = 0x001
const REQUEST = 0x000
const SUCCESS = 0x100
const ERROR = 0x110
/** A peer has a handful of addresses; each that passed a check is remembered. */
const MAX_CHECKED = 16

/** RFC 8445 §5.3 asks for 24 and 128 random bits at least. */
const newCredentials = (): IceCredentials => ({
  ufrag: randomBytes(6).toString('base64url').replaceAll(/[-_]/g, '0'),
  pwd: randomBytes(24).toString('base64url').replaceAll(/[-_]/g, '0'),
})

/**
 * The lite side of ICE (RFC 8445 §2.5): a server with an address of its own answers the checks of its peer, which is in
 * control and so always says which way to use. Nothing is sent unasked, and the peer's candidates need not be known.
 */
export function createIceLite(send: (datagram: Buffer, to: Endpoint) => void) {
  let credentials = newCredentials()
  /** Checks of before a restart may still come, and media goes the old way until the new one is chosen (§9). */
  let previous: IceCredentials | undefined
  const checked = new Set<string>()
  let peer: Endpoint | undefined
  let chosen = false

  const keyOf = ({ address, port }: Endpoint) => `${address} ${port}`

  return {
    get credentials() {
      return credentials
    },
    /** Where to send: what the peer chose, before that whatever passed a check. */
    get peer() {
      return peer
    },
    get chosen() {
      return chosen
    },
    restart() {
      previous = credentials
      credentials = newCredentials()
    },
    /** Whether something from there can be the peer's. */
    hasChecked: (from: Endpoint) => checked.has(keyOf(from)),
    /** A STUN message (RFC 8489); true when it was a check of the peer's. */
    receive(datagram: Buffer, from: Endpoint): boolean {
      const pwd = passwordFor(datagram)
      const request = pwd && parseMessage(datagram, pwd)
      if (!request || request.messageMethod !== BINDING || request.messageClass !== REQUEST) return false
      const names = request.attributesKeys
      // §7.3.1.1: the lite side is always the controlled one.
      if (names.includes('ICE-CONTROLLED')) {
        reply(new Message(BINDING, ERROR, request.transactionId).setAttribute('ERROR-CODE', [487, 'Role Conflict']))
        return false
      }
      reply(
        new Message(BINDING, SUCCESS, request.transactionId).setAttribute('XOR-MAPPED-ADDRESS', [
          from.address,
          from.port,
        ]),
      )
      if (checked.size >= MAX_CHECKED) checked.clear()
      checked.add(keyOf(from))
      const nominates = names.includes('USE-CANDIDATE')
      if (nominates || !chosen) peer = { address: from.address, port: from.port }
      chosen ||= nominates
      return true

      function reply(response: unknown) {
        const message = response as Message
        send(message.addMessageIntegrity(pwd!).addFingerprint().bytes, from)
      }
    },
  }

  /** The password that a check for us is made with (§7.2.2: its USERNAME begins with our part). */
  function passwordFor(datagram: Buffer): Buffer | undefined {
    const username = parseMessage(datagram)?.getAttributeValue('USERNAME')
    if (typeof username !== 'string') return undefined
    const ours = [credentials, previous].find((one) => one && username.startsWith(`${one.ufrag}:`))
    return ours && Buffer.from(ours.pwd)
  }
}
