import { describe, expect, test } from 'vitest'
import { checkDigest, digestResponse, formatChallenge, ha1, parseCredentials } from '../../src/sip/digest.ts'
import { createNonceIssuer, NONCE_TTL_MS } from '../../src/sip/nonce.ts'
import { createFailureThrottle, createPacketLimiter } from '../../src/sip/throttle.ts'

describe('digest', () => {
  // RFC 7616 §3.9.1
  test.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)('the %s example of RFC 7616 is computed', (algorithm, response) => {
    const header = `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=${algorithm},
      nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
      cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="${response}",
      opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
    const credentials = parseCredentials(header)!
    const secret = ha1(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life')
    expect(digestResponse(secret, 'GET', credentials)).toBe(response)
    expect(checkDigest(secret, 'GET', credentials)).toBe(true)
    expect(checkDigest(secret, 'PUT', credentials)).toBe(false)
    expect(checkDigest(ha1(algorithm, 'Mufasa', 'http-auth@example.org', 'circle of life'), 'GET', credentials)).toBe(
      false,
    )
  })

  // RFC 2617 §3.5
  test('the example of RFC 2617 is computed', () => {
    const credentials = parseCredentials(
      'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    )!
    expect(checkDigest(ha1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life'), 'GET', credentials)).toBe(true)
  })

  test.each([
    'Basic dXNlcjpwYXNz',
    'Digest',
    'Digest username="a"',
    'Digest username="a", realm="r", nonce="n", uri="u", response="x", algorithm=SHA-512-256',
    'Digest username="a", realm="r", nonce="n", uri="u", response="x", qop=auth-int',
    'Digest username="a", realm="r", nonce="n", uri="u", response="x", qop=auth, cnonce="c", nc=1',
    'Digest username="a, realm="r"',
  ])('%s carries no credentials we check', (value) => {
    expect(parseCredentials(value)).toBeNull()
  })

  test('a challenge names realm, nonce, algorithm, qop and staleness', () => {
    const challenge = formatChallenge({ realm: 'my "realm"', nonce: 'n', algorithm: 'SHA-256', stale: true })
    expect(challenge).toBe('Digest realm="my \\"realm\\"", nonce="n", algorithm=SHA-256, qop="auth", stale=true')
  })
})

describe('nonces', () => {
  const at = (start: number) => {
    let time = start
    const nonces = createNonceIssuer(() => time)
    return { nonces, pass: (ms: number) => (time += ms) }
  }

  test('a nonce serves until it expires, and only for rising counts', () => {
    const { nonces, pass } = at(1_700_000_000_000)
    const nonce = nonces.issue()
    expect(nonces.check(nonce, '00000001')).toBe('fresh')
    expect(nonces.check(nonce, '00000001')).toBe('stale')
    expect(nonces.check(nonce, '0000000a')).toBe('fresh')
    expect(nonces.check(nonce, '00000009')).toBe('stale')
    pass(NONCE_TTL_MS + 1)
    expect(nonces.check(nonce, '0000000b')).toBe('stale')
  })

  test('without a count a nonce serves once', () => {
    const { nonces } = at(1)
    const nonce = nonces.issue()
    expect(nonces.check(nonce, undefined)).toBe('fresh')
    expect(nonces.check(nonce, undefined)).toBe('stale')
  })

  test('a nonce of another switch, or one changed by a digit, is forged', () => {
    const { nonces } = at(1)
    expect(nonces.check(createNonceIssuer().issue(), '00000001')).toBe('forged')
    const nonce = nonces.issue()
    expect(
      nonces.check(
        nonce.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
        '00000001',
      ),
    ).toBe('forged')
    expect(nonces.check('', '00000001')).toBe('forged')
  })
})

describe('throttles', () => {
  test('five failures within a minute block one key until the first of them is a minute old', () => {
    let time = 0
    const throttle = createFailureThrottle(5, 60_000, () => time)
    for (let i = 0; i < 4; i++) throttle.failed('a')
    expect(throttle.blockedSeconds('a')).toBe(0)
    time = 10_000
    throttle.failed('a')
    expect(throttle.blockedSeconds('a')).toBe(50)
    expect(throttle.blockedSeconds('b')).toBe(0)
    time = 60_000
    expect(throttle.blockedSeconds('a')).toBe(0)
  })

  test('a success forgets earlier failures', () => {
    const throttle = createFailureThrottle(2, 60_000, () => 0)
    throttle.failed('a')
    throttle.succeeded('a')
    throttle.failed('a')
    expect(throttle.blockedSeconds('a')).toBe(0)
  })

  test('packets pass at the rate and in the burst allowed, per source', () => {
    let time = 0
    const admit = createPacketLimiter(10, 20, () => time)
    expect(Array.from({ length: 25 }, () => admit('a')).filter(Boolean)).toHaveLength(20)
    expect(admit('b')).toBe(true)
    time = 1000
    expect(Array.from({ length: 25 }, () => admit('a')).filter(Boolean)).toHaveLength(10)
  })
})
