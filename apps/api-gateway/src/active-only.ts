import { type Client, type Contract, routesOf } from '@sidetone/contract'
import type { Authenticator } from './authenticate.ts'

type Call = (input: object, options: { identity: Parameters<Authenticator['checkActive']>[0] }) => Promise<unknown>

/** The same client for customers that are not frozen. What is under `/auth` stays open to all: there a freeze is taken back. */
export function activeOnly(
  contract: Contract,
  client: Client<Contract>,
  { checkActive }: Pick<Authenticator, 'checkActive'>,
): Client<Contract> {
  const guard =
    (call: Call): Call =>
    async (input, options) => {
      checkActive(options.identity)
      return call(input, options)
    }
  const guarded: Record<string, Record<string, Call>> = {}
  for (const { resource, name, path } of routesOf(contract)) {
    const call = client[resource]![name] as unknown as Call
    guarded[resource] ??= {}
    guarded[resource][name] = path.startsWith('/auth/') ? call : guard(call)
  }
  return guarded as unknown as Client<Contract>
}
