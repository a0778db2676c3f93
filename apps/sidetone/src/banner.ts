import { seeded } from './seed.ts'
import type { Sidetone } from './start-sidetone.ts'

/** What a person needs for the first call. */
export function banner({ httpPort, sipPort, sipWsPort, accesskey }: Sidetone): string {
  const base = `http://127.0.0.1:${httpPort}`
  const [first, last] = [seeded.extensions[0], seeded.extensions.at(-1)]
  const rows = [
    ['REST', `${base}/v1.0`],
    ['Reference', `${base}/docs`],
    ...(sipPort === undefined ? [] : [['SIP', `127.0.0.1:${sipPort} (UDP and TCP)`]]),
    ...(sipWsPort === undefined ? [] : [['Browsers', `ws://127.0.0.1:${sipWsPort} (SIP over WebSocket, WebRTC)`]]),
    ['Login', `${seeded.login} / ${seeded.login}`],
    ['Access key', accesskey],
    ['Extensions', `${first}…${last}, password pass${first}…pass${last}`],
    ['Numbers', `${seeded.demoNumber} (menu), ${seeded.echoNumber} (echo)`],
    ['Try', `curl '${base}/v1.0/numbers?accesskey=${accesskey}'`],
  ]
  return rows.map(([name, value]) => `  ${name!.padEnd(12)}${value}`).join('\n')
}
