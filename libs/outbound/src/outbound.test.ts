import type { lookup } from 'node:dns'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { createJudge } from './addresses.ts'
import { guardedLookup } from './connect.ts'
import {
  createOutbound,
  type Outbound,
  OutboundFailed,
  type OutboundOptions,
  OutboundRefused,
  OutboundTimeout,
  OutboundTooLarge,
} from './index.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function open(options: Partial<OutboundOptions> = {}): Outbound {
  const outbound = createOutbound({
    allow: ['127.0.0.1/32'],
    timeoutMs: 5000,
    maxBytes: 10_000,
    maxRedirects: 3,
    userAgent: 'sidetone-test',
    ...options,
  })
  closing.push(() => outbound.close())
  return outbound
}

async function serve(listener: RequestListener): Promise<{ url: string; port: number; connections: () => number }> {
  let connections = 0
  const server = createServer(listener).on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, connections: () => connections }
}

describe('what is refused', () => {
  const guard = () => open({ allow: [] })

  test.each([
    'http://127.0.0.1/',
    'http://10.1.2.3/',
    'http://172.31.0.1/',
    'http://192.168.1.1:8080/',
    'http://169.254.169.254/latest/meta-data/',
    'http://100.64.0.1/',
    'http://0.0.0.0/',
    'http://255.255.255.255/',
    'http://224.0.0.1/',
    'http://240.0.0.1/',
    'http://192.0.2.1/',
    'http://198.51.100.7/',
    'http://203.0.113.7/',
    'http://198.18.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.01/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://１２７.0.0.1/',
    'http://%31%32%37.0.0.1/',
    'http://localhost/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::10.0.0.1]/',
    'http://[64:ff9b:1::10.0.0.1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:1::1]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fec0::1]/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
    'http://[3fff::1]/',
  ])('%s', async (url) => {
    const guarded = guard()
    await expect(guarded.check(url)).rejects.toThrow(OutboundRefused)
    await expect(guarded.check(url)).rejects.toThrow(/OUTBOUND_ALLOW/)
    await expect(guarded.fetch(url)).rejects.toThrow(OutboundRefused)
  })

  test.each([
    ['ftp://example.com/', /must begin with http/],
    ['file:///etc/passwd', /must begin with http/],
    ['javascript:alert(1)', /must begin with http/],
    ['nonsense', /is no URL/],
    ['http://', /is no URL/],
    ['http://user@8.8.8.8/', /user name or password/],
    ['http://:secret@8.8.8.8/', /user name or password/],
  ])('%s', async (url, reason) => {
    for (const attempt of [guard().check(url), guard().fetch(url)]) {
      await expect(attempt).rejects.toThrow(OutboundRefused)
      await expect(attempt).rejects.toThrow(reason)
    }
  })

  test.each([
    'http://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'http://[::ffff:8.8.8.8]/',
    'http://[64:ff9b::8.8.8.8]/',
  ])('but not the public %s', async (url) => {
    await guard().check(url)
  })

  test('no spelling of an address that is not public passes', async () => {
    const guarded = guard()
    await fc.assert(
      fc.asyncProperty(privateAddress, spelling, async (address, spell) => {
        await expect(guarded.check(`http://${spell(address)}/`)).rejects.toThrow(OutboundRefused)
      }),
      { numRuns: 2000 },
    )
  })

  test('a header that belongs to the connection', async () => {
    for (const name of ['Host', 'content-length', 'Transfer-Encoding', 'proxy-authorization']) {
      await expect(guard().fetch('http://8.8.8.8/', { headers: { [name]: 'x' } })).rejects.toThrow(
        /the header '.+' cannot be set/,
      )
    }
  })

  test('an allow-list that cannot be read, by the name of its setting', () => {
    for (const range of ['', 'localhost', '10.0.0.0/33', '10/8', '10.0.0.0/8/8x'])
      expect(() => open({ allow: [range] })).toThrow(/OUTBOUND_ALLOW/)
  })
})

describe('names', () => {
  type Answer = string[]
  const resolver = (...answers: Answer[]) =>
    ((_host: string, _options: object, callback: (error: null, all: { address: string; family: number }[]) => void) =>
      callback(
        null,
        (answers.shift() ?? []).map((address) => ({ address, family: 4 })),
      )) as unknown as typeof lookup
  const dial = (using: ReturnType<typeof guardedLookup>) =>
    new Promise((resolve, reject) =>
      using('name.example', { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses))),
    )
  const judge = createJudge([])

  test('a name that is public once and private the next time is refused the next time', async () => {
    const using = guardedLookup(judge, resolver(['93.184.216.34'], ['127.0.0.1']))
    expect(await dial(using)).toEqual([{ address: '93.184.216.34', family: 4 }])
    await expect(dial(using)).rejects.toThrow(OutboundRefused)
  })

  test('one private address among public ones is enough', async () => {
    const using = guardedLookup(judge, resolver(['93.184.216.34', '10.0.0.1']))
    await expect(dial(using)).rejects.toThrow(/'name.example' has no public address \(private\)/)
  })

  test('a name without an address is refused', async () => {
    await expect(dial(guardedLookup(judge, resolver([])))).rejects.toThrow(/has no address/)
  })

  test('no connection is opened to a refused name or address', async () => {
    const { port, connections } = await serve((_request, response) => response.end('reached'))
    const guarded = open({ allow: [] })
    for (const host of ['127.0.0.1', 'localhost']) {
      await expect(guarded.fetch(`http://${host}:${port}/`)).rejects.toThrow(OutboundRefused)
    }
    expect(connections()).toBe(0)
  })

  test('an address is given only of a host that may be reached', async () => {
    expect(await open().addressOf('127.0.0.1')).toBe('127.0.0.1')
    for (const host of ['::1', '[::1]']) expect(await open({ allow: ['::1/128'] }).addressOf(host)).toBe('::1')
    expect(await open({ allow: ['127.0.0.0/8', '::1/128'] }).addressOf('localhost')).toMatch(/^(127\.0\.0\.1|::1)$/)
    for (const host of ['127.0.0.2', 'localhost', '[::1]'])
      await expect(open({ allow: [] }).addressOf(host)).rejects.toThrow(OutboundRefused)
  })

  test('a name that does not exist is a failure, not a refusal', async () => {
    await expect(open().check('http://no-such-host.invalid/')).rejects.toThrow(OutboundFailed)
  })

  test('an allowed network is reached, in either form of its addresses', async () => {
    const { url, port } = await serve((_request, response) => response.end('reached'))
    const guarded = open({ allow: ['127.0.0.1'] })
    expect((await guarded.fetch(url)).body.toString()).toBe('reached')
    await guarded.check(`http://[::ffff:127.0.0.1]:${port}/`)
    await expect(guarded.check(`http://127.0.0.2:${port}/`)).rejects.toThrow(OutboundRefused)
  })
})

describe('a request', () => {
  test('carries method, headers and body, and brings back status, headers and body', async () => {
    const { url } = await serve(async (request, response) => {
      const { method, headers } = request
      response.writeHead(418, { 'x-kind': ['a', 'b'] })
      response.end(
        JSON.stringify({
          method,
          agent: headers['user-agent'],
          mine: headers['x-mine'],
          body: await text(request),
        }),
      )
    })
    const answer = await open().fetch(`${url}/path?q=1`, { method: 'POST', headers: { 'X-Mine': 'yes' }, body: 'hi é' })
    expect(answer).toMatchObject({ status: 418, url: `${url}/path?q=1` })
    expect(answer.headers['x-kind']).toBe('a, b')
    expect(JSON.parse(answer.body.toString())).toEqual({
      method: 'POST',
      agent: 'sidetone-test',
      mine: 'yes',
      body: 'hi é',
    })
  })

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])('unpacks %s', async (encoding, pack) => {
    const { url } = await serve((request, response) => {
      response.writeHead(200, { 'content-encoding': encoding })
      response.end(request.method === 'HEAD' ? undefined : pack(Buffer.from('unpacked')))
    })
    const answer = await open().fetch(url)
    expect(answer.body.toString()).toBe('unpacked')
    expect(answer.headers['content-encoding']).toBeUndefined()
    expect((await open().fetch(url, { method: 'HEAD' })).body.length).toBe(0)
  })

  test('fails with the cause when the other side is unwell', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/cut') return request.socket.destroy()
      response.writeHead(200, { 'content-encoding': request.url === '/odd' ? 'compress' : 'gzip' })
      response.end('not that')
    })
    await expect(open().fetch(`${url}/cut`)).rejects.toThrow(OutboundFailed)
    await expect(open().fetch(`${url}/odd`)).rejects.toThrow(/unknown content-encoding 'compress'/)
    await expect(open().fetch(`${url}/gzip`)).rejects.toThrow(OutboundFailed)
    await expect(open().fetch('http://127.0.0.1:1/?key=secret')).rejects.toThrow(
      /http:\/\/127.0.0.1:1\/ could not be fetched: .*ECONNREFUSED/,
    )
  })
})

describe('limits', () => {
  test('a body larger than allowed is given up, whether it says its length or not', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/told') response.setHeader('content-length', 20_000)
      response.write(Buffer.alloc(15_000))
      response.end(Buffer.alloc(5000))
    })
    for (const path of ['/told', '/untold']) await expect(open().fetch(url + path)).rejects.toThrow(OutboundTooLarge)
    expect((await open().fetch(url, { maxBytes: 20_000 })).body.length).toBe(20_000)
  })

  test('an endless body is given up early', async () => {
    let sent = 0
    const { url } = await serve((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(10_000))) sent += 10_000
      }
      response.on('drain', more)
      more()
    })
    await expect(open().fetch(url)).rejects.toThrow(/sends more than 10000 bytes/)
    expect(sent).toBeLessThan(100_000_000)
  })

  test('a small body that unpacks to a large one is given up', async () => {
    const bomb = gzipSync(Buffer.alloc(5_000_000))
    expect(bomb.length).toBeLessThan(10_000)
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    )
    await expect(open().fetch(url)).rejects.toThrow(/unpacks to more than 10000 bytes/)
  })

  test('a server that is silent, or slow to no end, times out', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/silent') return
      const timer = setInterval(() => response.write('.'), 10)
      response.on('close', () => clearInterval(timer))
    })
    for (const path of ['/silent', '/slow']) {
      await expect(open().fetch(url + path, { timeoutMs: 150 })).rejects.toThrow(OutboundTimeout)
    }
    await expect(open({ timeoutMs: 150 }).fetch(`${url}/silent`)).rejects.toThrow(/within 150 ms/)
    await sleep(20)
  })
})

describe('redirects', () => {
  const chain: RequestListener = (request, response) => {
    const left = Number(request.url?.slice(1))
    if (left === 0) return response.end(JSON.stringify(request.headers))
    return response.writeHead(302, { location: `/${left - 1}` }).end()
  }

  test('are followed as often as allowed', async () => {
    const { url } = await serve(chain)
    expect(await open().fetch(`${url}/3`)).toMatchObject({ status: 200, url: `${url}/0` })
    await expect(open().fetch(`${url}/4`)).rejects.toThrow(/redirects more than 3 times/)
  })

  test('are the answer when none may be followed, and to a POST', async () => {
    const { url } = await serve(chain)
    expect(await open().fetch(`${url}/1`, { maxRedirects: 0 })).toMatchObject({
      status: 302,
      headers: { location: '/0' },
    })
    expect(await open().fetch(`${url}/1`, { method: 'POST', body: 'x' })).toMatchObject({ status: 302 })
  })

  test.each([
    'http://127.0.0.2/',
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'file:///etc/passwd',
    'http://a:b@8.8.8.8/',
    '//[::1]/',
  ])('to %s are refused', async (location) => {
    const { url } = await serve((_request, response) => response.writeHead(307, { location }).end())
    await expect(open().fetch(url)).rejects.toThrow(OutboundRefused)
  })

  test('take the headers along on one host, and not to another', async () => {
    const other = await serve(chain)
    const { url } = await serve((request, response) => {
      if (request.url === '/away') return response.writeHead(302, { location: `${other.url}/0` }).end()
      return chain(request, response)
    })
    const headers = { Authorization: 'Bearer x', 'X-Api-Key': 'k', Accept: 'text/plain' }
    const read = async (path: string) => JSON.parse((await open().fetch(url + path, { headers })).body.toString())
    expect(await read('/1')).toMatchObject({ authorization: 'Bearer x', 'x-api-key': 'k', accept: 'text/plain' })
    const away = await read('/away')
    expect(away).toMatchObject({ accept: 'text/plain', 'user-agent': 'sidetone-test' })
    expect(away).not.toHaveProperty('authorization')
    expect(away).not.toHaveProperty('x-api-key')
  })
})

const octet = fc.integer({ min: 0, max: 255 })
const privateAddress = fc.oneof(
  fc.tuple(fc.constantFrom(0, 10, 127), octet, octet, octet),
  fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), octet, octet),
  fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
  fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
  fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), octet, octet),
  fc.tuple(fc.integer({ min: 224, max: 255 }), octet, octet, octet),
)
type Octets = [number, number, number, number]
const radix = fc.constantFrom(
  (part: number) => String(part),
  (part: number) => `0x${part.toString(16)}`,
  (part: number) => `0X000${part.toString(16).toUpperCase()}`,
  (part: number) => `0${part.toString(8)}`,
  (part: number) => `00000${part.toString(8)}`,
)
const disguise = fc.constantFrom(
  (host: string) => host,
  (host: string) => `${host}.`,
  (host: string) => host.replaceAll(/[0-9]/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (host: string) => host.replaceAll('.', '。'),
  (host: string) => host.replaceAll(/[0-9a-z]/gi, (character) => `%${character.charCodeAt(0).toString(16)}`),
)
/** The forms of inet_aton: one to four parts, the last of which takes the bytes that are left, each in any radix. */
const ipv4Spelling = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.tuple(radix, radix, radix, radix), disguise)
  .map(([parts, write, hide]) => (address: Octets) => {
    const last = address.slice(parts - 1).reduce((sum, byte) => sum * 256 + byte, 0)
    return hide([...address.slice(0, parts - 1), last].map((part, index) => write[index]!(part)).join('.'))
  })
const hextets = ([a, b, c, d]: Octets) => `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
const ipv6Spelling = fc.constantFrom(
  (address: Octets) => `[::ffff:${address.join('.')}]`,
  (address: Octets) => `[0:0:0:0:0:FFFF:${hextets(address)}]`,
  (address: Octets) => `[::${address.join('.')}]`,
  (address: Octets) => `[64:ff9b::${hextets(address)}]`,
  (address: Octets) => `[64:ff9b:1::${hextets(address)}]`,
  (address: Octets) => `[2002:${hextets(address)}::1]`,
  (address: Octets) => `[::ffff:0:${hextets(address)}]`,
)
const spelling = fc.oneof(ipv4Spelling, ipv6Spelling)
