import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { headerList, nameAddrList, viaList } from '../../src/sip/message.ts'
import { parseMessage } from '../../src/sip/parse-message.ts'
import { parseUri } from '../../src/sip/uri.ts'

// Messages of our own making, after the categories of RFC 4475: what is legal must be read, the rest must be refused.
const folder = join(import.meta.dirname, 'torture')
const read = (name: string) => parseMessage(readFileSync(join(folder, name)))
const files = readdirSync(folder).filter((name) => name.endsWith('.sip'))

const message = (name: string) => {
  const result = read(name)
  if (!result.ok) throw new Error(`${name}: ${result.error}`)
  return result.message
}

describe('torture messages', () => {
  test.each(files.filter((name) => name.startsWith('valid-')))('%s is read', (name) => {
    expect(read(name)).toMatchObject({ ok: true })
  })

  test.each(files.filter((name) => name.startsWith('invalid-')))('%s is refused', (name) => {
    expect(read(name)).toEqual({ ok: false, error: expect.any(String) })
  })

  test('folded lines, odd case and white space mean what they would without', () => {
    const invite = message('valid-short-tortuous.sip')
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

  test('a user part is unescaped, its parameters stay with it', () => {
    const escaped = message('valid-escaped-user.sip')
    expect(escaped.kind === 'request' && parseUri(escaped.uri)?.user).toBe('sips:user@example.com')
    expect(escaped.to.uri.user).toBe('user')
    const semicolon = message('valid-semicolon-in-user.sip')
    expect(semicolon.kind === 'request' && parseUri(semicolon.uri)?.user).toBe('user;par=u@example.net')
  })

  test('compact names are the long ones, and comma lists are many values', () => {
    const compact = message('valid-compact-forms.sip')
    expect(headerList(compact, 'supported')).toEqual(['timer'])
    expect(nameAddrList(compact, 'contact')[0]?.uri.host).toBe('192.0.2.2')
    expect(headerList(message('valid-semicolon-in-user.sip'), 'accept')).toHaveLength(3)
  })

  test('a header may be named like a property of every object', () => {
    expect(message('valid-names-of-objects.sip').headers.map(([name]) => name)).toEqual(
      expect.arrayContaining(['constructor', '__proto__', 'tostring']),
    )
  })

  test('octets after Content-Length are not part of a datagram', () => {
    expect(message('valid-trailing-octets.sip').body).toHaveLength(0)
  })

  test('IPv6 references are hosts', () => {
    const options = message('valid-ipv6.sip')
    expect(options.via).toMatchObject({ host: '[2001:db8::9:1]', port: 6050 })
  })
})
