import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { header, headerList, nameAddrList, type SipRequest, viaList } from '../../src/sip/message.ts'
import { parseMessage } from '../../src/sip/parse-message.ts'
import { parseUri } from '../../src/sip/uri.ts'
import { type Ari, connectAri } from '../ari/ari-client.ts'
import { startTestSwitch } from '../start-test-switch.ts'
import { openRawPeer, type RawPeer } from './raw-peer.ts'

// The torture messages of RFC 4475 and RFC 5118, by the names that they have there. The messages are our own: each has the trap of its
// namesake, set for this switch. `others` are traps that neither of the two has.
const folder = join(import.meta.dirname, 'torture')
const bytesOf = (name: string) => readFileSync(join(folder, `${name}.sip`))
const namesIn = (part: string) => readdirSync(join(folder, part)).map((file) => `${part}/${file.replace(/\.sip$/, '')}`)

function message(name: string) {
  const result = parseMessage(bytesOf(name))
  if (!result.ok) throw new Error(`${name}: ${result.error}`)
  return result.message
}
const request = (name: string) => message(`rfc4475/${name}`) as SipRequest
const userOf = (text: string) => parseUri(text)?.user

/** `call`: it rings in the application. `silence`: nothing must come back. Else the status of the answer. */
const outcomes: Record<string, Record<string, number | 'call' | 'silence'>> = {
  // 3.1.1: valid
  rfc4475: {
    wsinv: 481, // its To has a tag
    intmeth: 405,
    esc01: 'call',
    escnull: 401,
    esc02: 405,
    lwsdisp: 200,
    longreq: 'call',
    dblreq: 401,
    semiuri: 200,
    transports: 200,
    mpart01: 405,
    unreason: 'silence',
    noreason: 'silence',
    // 3.1.2: invalid, some of it in a way that may be overlooked
    badinv01: 'call',
    clerr: 400,
    ncl: 400,
    scalar02: 400,
    scalarlg: 'silence',
    quotbal: 400,
    ltgtruri: 400,
    lwsruri: 400,
    lwsstart: 400,
    trws: 400,
    escruri: 'call',
    baddate: 'call',
    regbadct: 401,
    badaspec: 200,
    baddn: 400,
    badvers: 505,
    mismatch01: 400,
    mismatch02: 400,
    bigcode: 'silence',
    // 3.2 and 3.3: what the layers above have to stand
    badbranch: 200,
    insuf: 'silence',
    unkscm: 416,
    novelsc: 416,
    unksm2: 400,
    bext01: 420,
    invut: 415,
    regaut01: 401,
    multi01: 400,
    mcl01: 400,
    bcast: 'silence',
    zeromf: 200,
    cparam01: 401,
    cparam02: 401,
    regescrt: 401,
    sdp01: 406,
    // 3.4: RFC 2543
    inv2543: 'call',
  },
  rfc5118: {
    'ipv6-good': 404,
    'ipv6-bad': 400,
    'port-ambiguous': 404,
    'port-unambiguous': 404,
    'via-received-param-with-delim': 481,
    'via-received-param-no-delim': 481,
    'ipv6-in-sdp': 'call',
    'mult-ip-in-header': 481,
    'mult-ip-in-sdp': 'call',
    'ipv4-mapped-ipv6': 'call',
    'ipv6-bug-abnf-3-colons': 400,
  },
}

describe('a running switch', () => {
  let server: Awaited<ReturnType<typeof startTestSwitch>>
  let ari: Ari
  let raw: RawPeer
  /** What comes back repeats what was malformed, so that only its first line is looked at. */
  let socket: Socket
  beforeAll(async () => {
    socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    server = await startTestSwitch({ sipT1Ms: 50 })
    ari = await connectAri(server.access)
    raw = await openRawPeer(server.sipPort)
  })
  afterAll(async () => {
    socket.close()
    raw.close()
    await ari.close()
    await server.close()
  })

  test('every message of both RFCs is here', () => {
    for (const [part, expected] of Object.entries(outcomes)) {
      expect(namesIn(part).sort()).toEqual(
        Object.keys(expected)
          .map((name) => `${part}/${name}`)
          .sort(),
      )
    }
  })

  const all = Object.entries(outcomes).flatMap(([part, of]) =>
    Object.entries(of).map(([name, outcome]) => ({ name: `${part}/${name}`, outcome })),
  )
  test.each(all)('does with $name what is right: $outcome', async ({ name, outcome }) => {
    const answers: string[] = []
    // Answers to those before are sent again and again.
    const callId = /^(?:Call-ID|i)\s*:\s*(\S+)/im.exec(bytesOf(name).toString('latin1'))?.[1] ?? 'none'
    const hear = (data: Buffer) =>
      data.includes(callId) && void answers.push(data.toString('latin1', 0, data.indexOf('\r')))
    socket.on('message', hear)
    socket.send(bytesOf(name), server.sipPort, '127.0.0.1')
    if (outcome === 'call') {
      const { channel } = await ari.next('StasisStart')
      await ari.delete(`channels/${channel.id}`)
      ari.events.length = 0
    } else if (outcome === 'silence') {
      // One thread deals with one packet after the other: this one is answered after that.
      expect((await raw.ask('OPTIONS')).status).toBe(200)
      expect(answers).toEqual([])
    } else {
      await expect.poll(() => answers[0]).toMatch(new RegExp(`^SIP/2.0 ${outcome} `))
    }
    socket.off('message', hear)
  })

  test('finds no fault of its own in any of them', async () => {
    expect(server.logged.filter((line) => line === 'a request failed')).toEqual([])
    expect((await server.metrics()).sip_packets_malformed).toBeGreaterThan(15)
  })

  test('tells apart requests that have the cookie of a branch and no more', async () => {
    const [one, two] = await Promise.all(
      ['one', 'two'].map((callId) => raw.ask('OPTIONS', { branch: 'z9hG4bK', callId })),
    )
    expect([one?.callId, two?.callId]).toEqual(['one', 'two'])
  })

  test('names what it lacks', async () => {
    raw.sendText(bytesOf('rfc4475/bext01').toString().replaceAll('bext01', 'again'))
    const answer = await raw.next(({ callId }) => callId.startsWith('again'))
    expect(headerList(answer, 'unsupported')).toEqual(['nothingSupportsThis', 'nothingSupportsThisEither'])
    raw.sendText(bytesOf('rfc4475/invut').toString().replaceAll('invut', 'again2'))
    expect(header(await raw.next(({ callId }) => callId.startsWith('again2')), 'accept')).toBe('application/sdp')
  })
})

describe('what is read', () => {
  test('folded lines, odd case and white space mean what they would without', () => {
    const invite = request('wsinv')
    expect(invite.to.params.get('tag')).toBe('1918181833n')
    expect(invite.from.displayName).toBe('J Rosenberg \\"')
    expect(invite.from.params.get('tag')).toBe('98asjd8')
    expect(invite.cseq).toEqual({ number: 9, method: 'INVITE' })
    expect(viaList(invite).map(({ transport, host }) => `${transport} ${host}`)).toEqual([
      'UDP 192.0.2.2',
      'TCP spindle.example.com',
      'UDP 192.168.255.111',
    ])
    expect(nameAddrList(invite, 'contact')[0]).toMatchObject({ displayName: 'Quoted string ""' })
    expect(invite.body.length).toBeGreaterThan(0)
  })

  test('a user part is unescaped, its parameters stay with it, and what is no escape is left alone', () => {
    expect(userOf(request('esc01').uri)).toBe('sips:user@example.com')
    expect(request('esc01').to.uri.user).toBe('user')
    expect(request('escnull').to.uri.user).toBe('null-\0-null')
    expect(userOf(request('semiuri').uri)).toBe('user;par=u@example.net')
    expect(request('esc02')).toMatchObject({ method: 'RE%47IST%45R', from: { displayName: '%Z%45' } })
    // A name with an escape is the name of another header.
    expect(headerList(request('esc02'), 'contact')).toHaveLength(1)
  })

  test('names, lists and reasons may look as they like', () => {
    expect(request('lwsdisp').from).toMatchObject({ displayName: 'caller', uri: { user: 'caller' } })
    expect(request('intmeth').from.displayName).toBe("token1~` token2'+_ token3*%!.-")
    expect(viaList(request('transports')).map(({ transport }) => transport)).toEqual([
      ...['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'],
    ])
    expect(viaList(request('longreq'))).toHaveLength(31)
    expect(message('rfc4475/unreason')).toMatchObject({ status: 200, reason: expect.stringContaining('2**3') })
    expect(message('rfc4475/noreason')).toMatchObject({ status: 100, reason: '' })
    expect(headerList(message('others/valid-compact-forms'), 'supported')).toEqual(['timer'])
    expect(message('others/valid-names-of-objects').headers.map(([name]) => name)).toEqual(
      expect.arrayContaining(['constructor', '__proto__', 'tostring']),
    )
  })

  test('a body is as long as its length says, whatever is in it', () => {
    expect(request('dblreq').body).toHaveLength(0)
    expect(request('mpart01').body.includes(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)))).toBe(true)
  })

  test('a parameter of a contact belongs to its URI only within the brackets, and headers in a URI are nobody’s', () => {
    const contact = (name: string) => nameAddrList(request(name), 'contact')[0]
    expect(contact('cparam01')).toMatchObject({ params: new Map([['unknownparam', '']]), uri: { params: new Map() } })
    expect(contact('cparam02')).toMatchObject({ params: new Map(), uri: { params: new Map([['unknownparam', '']]) } })
    expect(contact('regescrt')).toMatchObject({ uri: { user: '1000', host: '192.0.2.40', params: new Map() } })
    expect(contact('regbadct')).toBeUndefined()
  })

  test('of IPv6 the brackets say where the port begins', () => {
    const uri = (name: string) => parseUri((message(`rfc5118/${name}`) as SipRequest).uri)
    expect(uri('ipv6-good')).toMatchObject({ host: '[2001:db8::10]', port: undefined })
    expect(uri('port-ambiguous')).toMatchObject({ host: '[2001:db8::10:5070]', port: undefined })
    expect(uri('port-unambiguous')).toMatchObject({ host: '[2001:db8::10]', port: 5070 })
    for (const [name, received] of [
      ['with', '[2001:db8::9:255]'],
      ['no', '2001:db8::9:255'],
    ])
      expect(message(`rfc5118/via-received-param-${name}-delim`).via.params.get('received')).toBe(received)
    expect(viaList(message('rfc5118/mult-ip-in-header')).map(({ host }) => host)).toEqual([
      ...['[2001:db8::9:1]', '192.0.2.1', '[2001:db8::9:255]'],
    ])
  })
})

describe('other traps', () => {
  test.each(namesIn('others').filter((name) => name.includes('/valid-')))('%s is read', (name) => {
    expect(parseMessage(bytesOf(name))).toMatchObject({ ok: true })
  })
  test.each(namesIn('others').filter((name) => name.includes('/invalid-')))('%s is refused', (name) => {
    expect(parseMessage(bytesOf(name))).toMatchObject({ ok: false, error: expect.any(String) })
  })
})
