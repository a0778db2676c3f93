import { commonError } from '@sidetone/contract'

interface Written {
  uri: string
  data: Record<string, unknown>
}

const parameter = /\{(\w+)\}/

/** For a path such as `/tags/{id}`: turns an input into the address on the bus and the rest of the input. */
export function requestWriter(path: string): (input: Record<string, unknown>) => Written {
  // Literals at even places, parameter names between them.
  const parts = `/v1${path}`.split(parameter)
  if (parts.length === 1) return (data) => ({ uri: parts[0]!, data })
  const names = new Set(parts.filter((_, place) => place % 2 === 1))
  return (input) => {
    const data: Record<string, unknown> = {}
    for (const name of Object.keys(input)) if (!names.has(name)) data[name] = input[name]
    let uri = parts[0]!
    for (let place = 1; place < parts.length; place += 2) {
      const name = parts[place]!
      const text = String(input[name] ?? '')
      if (text === '' || !text.isWellFormed()) {
        const problem = 'must be a text, it is part of the address'
        throw commonError('INVALID_ARGUMENT', { message: `${name}: ${problem}`, details: [{ field: name, problem }] })
      }
      uri += encodeURIComponent(text) + parts[place + 1]
    }
    return { uri, data }
  }
}

interface Node<T> {
  literals: Map<string, Node<T>>
  parameter?: Node<T>
  routes: Map<string, { target: T; names: string[] }>
}

/** What an address stands for, with the values in it. */
interface Match<T> {
  target: T
  params: Record<string, string>
}

export type Router<T> = (method: string, uri: string) => Match<T> | undefined

/** Finds targets by address; a literal segment wins over a parameter. */
export function createRouter<T>(routes: readonly { method: string; path: string; target: T }[]): Router<T> {
  const root = newNode<T>()
  for (const { method, path, target } of routes) {
    let node = root
    const names: string[] = []
    for (const segment of segmentsOf(`/v1${path}`)) {
      const name = parameter.exec(segment)?.[1]
      if (name) {
        names.push(name)
        node.parameter ??= newNode()
        node = node.parameter
      } else {
        const next = node.literals.get(segment) ?? newNode()
        node.literals.set(segment, next)
        node = next
      }
    }
    if (node.routes.has(method)) throw new Error(`${method} ${path} is declared twice`)
    node.routes.set(method, { target, names })
  }
  return (method, uri) => find(root, method, segmentsOf(uri), 0, [])
}

const newNode = <T>(): Node<T> => ({ literals: new Map(), routes: new Map() })
const segmentsOf = (uri: string): string[] => uri.split('/').slice(1)

function find<T>(
  node: Node<T>,
  method: string,
  segments: string[],
  place: number,
  values: string[],
): Match<T> | undefined {
  if (place === segments.length) {
    const route = node.routes.get(method)
    if (!route) return undefined
    const params: Record<string, string> = {}
    for (const [index, name] of route.names.entries()) params[name] = values[index]!
    return { target: route.target, params }
  }
  const segment = segments[place]!
  const literal = node.literals.get(segment)
  const found = literal && find(literal, method, segments, place + 1, values)
  if (found || !node.parameter) return found
  const value = decode(segment)
  return value ? find(node.parameter, method, segments, place + 1, [...values, value]) : undefined
}

function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
