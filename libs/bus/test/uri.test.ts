import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRouter, requestWriter } from '../src/uri.ts'

const routes = [
  '/tags',
  '/tags/{id}',
  '/tags/search',
  '/tags/{id}/links/{name}',
  '/tags/first/links/{name}',
  '/{any}/x',
]
const find = createRouter(routes.map((path) => ({ method: 'GET', path, target: path })))

describe('addresses', () => {
  test('lead back to the route and the values that they were written from', () => {
    const value = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(value, value, fc.string(), (id, name, rest) => {
        const { uri, data } = requestWriter('/tags/{id}/links/{name}')({ id, name, rest })
        const target = id === 'first' ? '/tags/first/links/{name}' : '/tags/{id}/links/{name}'
        expect(find('GET', uri)).toEqual({ target, params: id === 'first' ? { name } : { id, name } })
        expect(data).toEqual({ rest })
      }),
    )
  })

  test('that mean nothing are not found, whatever they are', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(find('GET', `/v2/${text}`)).toBeUndefined()
      }),
    )
    for (const uri of ['', '/', '/v1', '/v1/tags/', '/v1/tags/%', '/v1/tags/%E0%A4', '/tags', '/v1/tags/1/links'])
      expect(find('GET', uri)).toBeUndefined()
    expect(find('POST', '/v1/tags')).toBeUndefined()
  })

  test.each([
    ['/v1/tags/search', '/tags/search', {}],
    ['/v1/tags/searched', '/tags/{id}', { id: 'searched' }],
    ['/v1/tags/first/links/a', '/tags/first/links/{name}', { name: 'a' }],
    ['/v1/tags/x', '/tags/{id}', { id: 'x' }],
    ['/v1/other/x', '/{any}/x', { any: 'other' }],
  ])('%s is %s: a literal wins, and where it leads nowhere the parameter gets its turn', (uri, target, params) => {
    expect(find('GET', uri)).toEqual({ target, params })
  })

  test('that are declared twice are refused', () => {
    const twice = ['/tags/{id}', '/tags/{tag_id}'].map((path) => ({ method: 'GET', path, target: path }))
    expect(() => createRouter(twice)).toThrow('GET /tags/{tag_id} is declared twice')
  })
})
