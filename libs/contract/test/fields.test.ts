import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  ById,
  externalOf,
  internal,
  invalidArgument,
  isAllowed,
  managers,
  operation,
  Page,
  permissionBits,
  projectionOf,
  scopeOf,
} from '../src/index.ts'

const identity = (permission: number, type: 'agent' | 'internal' | 'anonymous' = 'agent') => ({
  type,
  customer_id: 'c',
  agent_id: 'a',
  credential_id: 'k',
  permission,
})

describe('externalOf', () => {
  const Inner = z.object({ shown: z.string(), hidden: internal(z.string()) })

  test('drops internal fields at any depth, and keeps the rest', () => {
    const schema = externalOf(
      z.object({ one: Inner, many: z.array(Inner), maybe: Inner.nullable(), none: Inner.optional() }),
    )
    const value = { shown: 'yes', hidden: 'no' }
    expect(schema.parse({ one: value, many: [value], maybe: value })).toEqual({
      one: { shown: 'yes' },
      many: [{ shown: 'yes' }],
      maybe: { shown: 'yes' },
    })
  })

  test('works through a page', () => {
    const page = { result: [{ shown: 'yes', hidden: 'no' }], next_page_token: '' }
    expect(externalOf(Page(Inner)).parse(page)).toEqual({ result: [{ shown: 'yes' }], next_page_token: '' })
  })

  test('does to a value what it does to its schema', () => {
    const Outer = z.object({ one: Inner, many: z.array(Inner), maybe: Inner.nullable(), none: Inner.optional() })
    const value = { shown: 'yes', hidden: 'no' }
    for (const given of [
      { one: value, many: [value, value], maybe: value, none: value },
      { one: value, many: [], maybe: null },
    ]) {
      expect(projectionOf(Outer)(given)).toEqual(externalOf(Outer).parse(given))
      expect(JSON.stringify(projectionOf(Page(Outer))({ result: [given], next_page_token: '' }))).not.toContain(
        'hidden',
      )
    }
  })

  test('is the schema itself when nothing is internal', () => {
    const plain = z.object({ a: z.string() })
    expect(externalOf(plain)).toBe(plain)
  })
})

describe('operation', () => {
  test('refuses unknown fields with an error that names each', () => {
    const { input } = operation({ http: 'GET /tags/{id}', summary: 's', input: ById, output: ById })
    const result = input.safeParse({ id: '00000000-0000-4000-8000-000000000001', colour: 1 }, { reportInput: true })
    expect(invalidArgument(result.error!).details).toEqual([{ field: 'colour', problem: 'unknown field; remove it' }])
  })

  test('says which field is missing', () => {
    const result = z.object({ name: z.string() }).safeParse({}, { reportInput: true })
    expect(invalidArgument(result.error!).message).toBe('name: is required (string)')
  })

  test('POST is not idempotent unless it says so; the others are', () => {
    const of = (http: 'GET /x' | 'POST /x' | 'PUT /x' | 'DELETE /x') =>
      operation({ http, summary: 's', input: z.object({}), output: z.object({}) }).idempotent
    expect([of('GET /x'), of('PUT /x'), of('DELETE /x'), of('POST /x')]).toEqual([true, true, true, false])
  })
})

describe('permissions', () => {
  test.each([
    [permissionBits.customer_admin, true],
    [permissionBits.customer_manager, true],
    [permissionBits.customer_agent, false],
    [0, false],
    [permissionBits.project_super_admin, true],
  ])('bits %i may call what managers may: %s', (permission, allowed) => {
    expect(isAllowed(managers, identity(permission))).toBe(allowed)
  })

  test('nobody who has not logged in gets further than what is public', () => {
    expect(isAllowed('public', identity(0, 'anonymous'))).toBe(true)
    expect(isAllowed('agent', identity(0, 'anonymous'))).toBe(false)
    expect(isAllowed(managers, identity(0xffff, 'anonymous'))).toBe(false)
  })

  test('only a project super admin reaches beyond its customer', () => {
    expect(scopeOf(identity(permissionBits.customer_admin))).toBe('c')
    expect(scopeOf(identity(permissionBits.project_super_admin))).toBe('*')
    expect(scopeOf(identity(0, 'internal'))).toBe('c')
  })
})
