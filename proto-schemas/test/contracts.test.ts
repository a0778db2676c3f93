import { type Contract, eventsOf, externalOf, pathParameters, publicPath, routesOf } from '@sidetone/contract'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { contracts } from '../src/index.ts'

const all = contracts as readonly Contract[]
const routes = all.flatMap((contract) => routesOf(contract))

test('names of contracts and resources are unique', () => {
  const names = all.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const resources = all.flatMap(({ resources }) => Object.keys(resources))
  expect(new Set(resources).size).toBe(resources.length)
})

test('no two operations share a method and a path, whatever the names of their parameters', () => {
  const shapes = routes.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`)
  expect(shapes.filter((shape, index) => shapes.indexOf(shape) !== index)).toEqual([])
})

describe.each(routes.map((route) => [route.id, route] as const))(
  '%s',
  (_, { contract, operation, method, path, name }) => {
    test('its path parameters are in its input, and its input is closed', () => {
      for (const parameter of pathParameters(path)) expect(Object.keys(operation.input.shape)).toContain(parameter)
      const result = operation.input.safeParse({ surely_not_a_field: 1 })
      expect(result.error?.issues.some(({ code }) => code === 'unrecognized_keys')).toBe(true)
    })

    test('its errors are declared and it says what it does', () => {
      for (const reason of operation.errors) expect(Object.keys(contract.errors)).toContain(reason)
      expect(operation.summary).not.toBe('')
    })

    test('a list for the outside takes a page and answers a page', () => {
      if (name !== 'list' || !operation.allow) return
      expect(operation.input.safeParse({ page_size: 101 }).success).toBe(false)
      expect(Object.keys((operation.output as z.ZodObject).shape)).toEqual(['result', 'next_page_token'])
      expect(method).toBe('GET')
    })
  },
)

test('every declared error is used by an operation', () => {
  for (const contract of all) {
    const used = new Set(routesOf(contract).flatMap(({ operation }) => operation.errors))
    expect(
      Object.keys(contract.errors).filter((reason) => !used.has(reason)),
      contract.name,
    ).toEqual([])
  }
})

test('types of events are unique, and what customers hear of carries an id and a customer', () => {
  const events = all.flatMap((contract) => eventsOf(contract))
  expect(new Set(events.map(({ type }) => type)).size).toBe(events.length)
  for (const { type, definition } of events) {
    if (definition.internal) continue
    const { shape } = definition.data as z.ZodObject
    expect(Object.keys(shape), type).toEqual(expect.arrayContaining(['id', 'customer_id']))
  }
})

test('no secret, hash or handle of the platform is in what the outside may see', () => {
  const forbidden = [
    'password_hash',
    'token_hash',
    'ha1_md5',
    'ha1_sha256',
    'channel_id',
    'bridge_id',
    'asterisk_id',
    'key',
    'variables',
  ]
  for (const { id, operation, path } of routes) {
    if (!operation.allow) continue
    const text = JSON.stringify(z.toJSONSchema(externalOf(operation.output), { io: 'output', unrepresentable: 'any' }))
    for (const field of forbidden) expect(text, `${id} ${publicPath(path)}`).not.toContain(`"${field}":`)
  }
})
