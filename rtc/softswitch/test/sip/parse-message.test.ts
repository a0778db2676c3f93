import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCredentials } from '../../src/sip/digest.ts'
import { headerList, nameAddrList, viaList } from '../../src/sip/message.ts'
import { formatNameAddr, parseNameAddr } from '../../src/sip/name-addr.ts'
import { parseMessage } from '../../src/sip/parse-message.ts'
import { formatRefusal } from '../../src/sip/refuse-malformed.ts'
import { parseSdp } from '../../src/sip/sdp.ts'
import { serializeMessage } from '../../src/sip/serialize-message.ts'
import { createStreamFramer } from '../../src/sip/stream-framing.ts'
import { formatUri, parseUri } from '../../src/sip/uri.ts'

const folder = join(import.meta.dirname, 'torture')
const seeds = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.sip'))
  .map((name) => readFileSync(join(folder, name)))
/** `FUZZ_CASES=1000000` looks for longer. */
const cases = Number(process.env.FUZZ_CASES ?? 6000)

/** A known message with bytes overwritten, removed and put in, which gets deeper than noise. */
const mutated = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.record({ at: fc.nat(2000), remove: fc.nat(5), insert: fc.uint8Array({ maxLength: 6 }) }), {
      maxLength: 8,
    }),
  )
  .map(([seed, edits]) => {
    let bytes = seed
    for (const { at, remove, insert } of edits) {
      const where = at % (bytes.length + 1)
      bytes = Buffer.concat([bytes.subarray(0, where), insert, bytes.subarray(where + remove)])
    }
    return bytes
  })

const from = { protocol: 'UDP', remoteAddress: '192.0.2.1', remotePort: 5060, open: true, send() {} } as const

function readEverything(bytes: Buffer) {
  const result = parseMessage(bytes)
  if (!result.ok) {
    if (result.refusal) formatRefusal(result.refusal, from)
    return result
  }
  const { message } = result
  viaList(message)
  nameAddrList(message, 'contact')
  headerList(message, 'allow')
  if (message.kind === 'request') parseUri(message.uri)
  parseSdp(message.body)
  for (const [, value] of message.headers) parseCredentials(value)
  return result
}

describe('whatever the network sends', () => {
  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(typeof readEverything(Buffer.from(bytes)).ok).toBe('boolean')
      }),
      { numRuns: cases / 3 },
    )
  })

  test('damaged messages never throw, and what is read can be written and read again', () => {
    fc.assert(
      fc.property(mutated, (bytes) => {
        const first = readEverything(bytes)
        if (!first.ok) return
        const again = parseMessage(serializeMessage(first.message))
        expect(again.ok && again.message.callId).toBe(first.message.callId)
      }),
      { numRuns: (cases * 2) / 3 },
    )
  })

  test('a stream never throws and loses no whole message, however it is cut', () => {
    const whole = seeds.filter(
      (seed) =>
        parseMessage(seed).ok &&
        /Length: 0\r\n\r\n$/.test(seed.toString('latin1')) &&
        seed.indexOf('\r\n\r\n') === seed.length - 4,
    )
    expect(whole.length).toBeGreaterThan(3)
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...whole), { maxLength: 5 }),
        fc.array(fc.nat(400), { maxLength: 20 }),
        (sent, cuts) => {
          const stream = Buffer.concat(sent)
          const framer = createStreamFramer(() => {})
          const got: Buffer[] = []
          let from = 0
          for (const cut of [...cuts, stream.length]) {
            const to = Math.min(from + cut, stream.length)
            got.push(...(framer.push(stream.subarray(from, to)) ?? []))
            from = to
          }
          expect(got).toEqual(sent)
        },
      ),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 500 })), (chunks) => {
        const framer = createStreamFramer(() => {})
        for (const chunk of chunks) framer.push(Buffer.from(chunk))
      }),
      { numRuns: 500 },
    )
  })

  test('a stream without a usable length is given up', () => {
    const head = 'OPTIONS sip:a@b SIP/2.0\r\nContent-Length: x\r\n\r\n'
    expect(createStreamFramer(() => {}).push(Buffer.from(head))).toBeNull()
    expect(createStreamFramer(() => {}).push(Buffer.alloc(20_000, 'a'))).toBeNull()
  })

  test('a double CRLF on a stream is a ping', () => {
    let pings = 0
    const framer = createStreamFramer(() => pings++)
    expect(framer.push(Buffer.from('\r\n\r\n'))).toEqual([])
    expect(pings).toBe(1)
  })
})

describe('addresses', () => {
  test.each([
    ['sip:alice@example.com', { user: 'alice', host: 'example.com', port: undefined }],
    ['sip:alice:secret@Example.COM:5070;transport=TCP?subject=x', { user: 'alice', host: 'example.com', port: 5070 }],
    ['sip:example.com', { user: '', host: 'example.com' }],
    ['sips:%2B15550100@10.0.0.1', { scheme: 'sips', user: '+15550100', host: '10.0.0.1' }],
    ['tel:+1-555-0100;phone-context=x', { scheme: 'tel', user: '+15550100' }],
  ])('%s is read', (text, expected) => {
    expect(parseUri(text)).toMatchObject(expected)
  })

  test.each([
    'sip:',
    'sip:a@',
    'sip:a@b:0',
    'sip:a@b:70000',
    'sip:a b@c',
    'sip:a@b;=x',
    'mailto:a@b',
    'sip:%zz@b',
    'sip:[::zz]',
    '',
  ])('"%s" is no SIP URI', (text) => {
    expect(parseUri(text)).toBeNull()
  })

  test('any display name and user survive being written and read', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/[\r\n\0]/g, ''))
    const user = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(name, user, (displayName, who) => {
        const uri = {
          scheme: 'sip' as const,
          user: who,
          host: 'example.com',
          port: 5061,
          params: new Map([['lr', '']]),
        }
        expect(parseUri(formatUri(uri))).toEqual(uri)
        const address = parseNameAddr(formatNameAddr({ displayName, uri, params: new Map([['tag', 'x']]) }))
        expect(address).toMatchObject({
          displayName: displayName.trim() === displayName ? displayName : expect.any(String),
          uri,
        })
      }),
      { numRuns: 500 },
    )
  })

  test('a header value cannot bring a header of its own', () => {
    const bytes = serializeMessage({
      kind: 'response',
      status: 200,
      reason: 'OK',
      headers: [['x-name', 'a\r\nX-Evil: b']],
      body: Buffer.alloc(0),
    })
    expect(bytes.toString()).not.toContain('\r\nX-Evil')
  })
})
