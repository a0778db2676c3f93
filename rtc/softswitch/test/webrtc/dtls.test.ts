import { describe, expect, test } from 'vitest'
import { createDtlsIdentity, type DtlsConnection, type DtlsIdentity, openDtls } from '../../src/webrtc/dtls.ts'

const ours = await createDtlsIdentity()
const theirs = await createDtlsIdentity()
const thief = await createDtlsIdentity()

const fingerprintsOf = ({ fingerprint }: DtlsIdentity) => {
  const [algorithm = '', value = ''] = fingerprint.split(' ')
  return [{ algorithm, value }]
}

/** Two sides that are connected with each other; each resolves with its keys, or its failure. */
function connect(
  passive: { identity: DtlsIdentity; expects: DtlsIdentity },
  active: { identity: DtlsIdentity; expects: DtlsIdentity },
  lose: (datagram: Buffer, count: number) => boolean = () => false,
) {
  const sides: Partial<Record<'active' | 'passive', DtlsConnection>> = {}
  let sent = 0
  const open = (setup: 'active' | 'passive', { identity, expects }: typeof passive) => {
    const { promise, resolve } = Promise.withResolvers<
      Parameters<Parameters<typeof openDtls>[0]['onKeys']>[0] | string
    >()
    sides[setup] = openDtls({
      identity,
      setup,
      fingerprints: fingerprintsOf(expects),
      send(datagram) {
        const copy = Buffer.from(datagram)
        const to = setup === 'active' ? 'passive' : 'active'
        if (!lose(copy, sent++)) setImmediate(() => sides[to]?.receive(copy))
      },
      onKeys: resolve,
      onFailed: ({ message }) => resolve(message),
      onClosed() {},
    })
    return promise
  }
  return { passive: open('passive', passive), active: open('active', active), sides }
}

describe('DTLS', () => {
  test('both sides get the same keys, each its own and those of the other', async () => {
    const { passive, active } = connect({ identity: ours, expects: theirs }, { identity: theirs, expects: ours })
    const [one, two] = await Promise.all([passive, active])
    if (typeof one === 'string' || typeof two === 'string') throw new Error(`${one} ${two}`)
    expect(one.ours).toEqual(two.theirs)
    expect(one.theirs).toEqual(two.ours)
    expect(one.ours).not.toEqual(one.theirs)
    expect([one.ours.key.length, one.ours.salt.length]).toEqual([16, 14])
  })

  test('comes about on a network that loses every third datagram', async () => {
    const { passive, active } = connect(
      { identity: ours, expects: theirs },
      { identity: theirs, expects: ours },
      (_, count) => count % 3 === 1,
    )
    expect(await passive).toHaveProperty('ours')
    expect(await active).toHaveProperty('theirs')
  })

  test('another certificate than the SDP announced is refused, whoever begins', async () => {
    const { passive } = connect({ identity: ours, expects: theirs }, { identity: thief, expects: ours })
    expect(await passive).toBe('the certificate is not the one announced in the SDP')
    const { active } = connect({ identity: thief, expects: theirs }, { identity: theirs, expects: ours })
    expect(await active).toBe('the certificate is not the one announced in the SDP')
  })

  test('who shows the announced certificate, but has not its key, is refused, whoever begins', async () => {
    const copied = { ...thief, certPem: theirs.certPem }
    const { passive } = connect({ identity: ours, expects: theirs }, { identity: copied, expects: ours })
    expect(await passive).toBe('the peer has not the key of its certificate')
    const { active } = connect({ identity: copied, expects: ours }, { identity: ours, expects: theirs })
    expect(await active).toBe('the peer has not the key of its certificate')
  })

  test('once connected a handshake in the clear changes nothing', async () => {
    const hellos: Buffer[] = []
    const { passive, active, sides } = connect(
      { identity: ours, expects: theirs },
      { identity: theirs, expects: ours },
      (datagram) => {
        hellos.push(datagram)
        return false
      },
    )
    const before = await passive
    await active
    let keys = 0
    void passive.then(() => keys++)
    for (const hello of hellos) sides.passive!.receive(Buffer.from(hello))
    await new Promise((resolve) => setImmediate(resolve))
    expect(await passive).toBe(before)
    expect(keys).toBe(1)
  })

  test('nonsense is ignored', async () => {
    const { passive, sides } = connect({ identity: ours, expects: theirs }, { identity: theirs, expects: ours })
    for (let length = 0; length < 200; length++) sides.passive!.receive(Buffer.alloc(length, 22))
    expect(await passive).toHaveProperty('ours')
  })
})
