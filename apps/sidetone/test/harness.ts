import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Sidetone, startSidetone } from '../src/start-sidetone.ts'

/** What answers hold, as far as tests look into them; `text` has it as it came. */
interface Body {
  id: string
  name: string
  username: string
  token: string
  token_prefix: string
  result: Body[]
  next_page_token: string
  event_type: string
  error: { status: string; reason: string; message: string; request_id: string; details?: { field?: string }[] }
  [field: string]: unknown
}

export interface Running extends Sidetone {
  url: string
  folder: string
  request: (
    method: string,
    path: string,
    options?: RequestOptions,
  ) => Promise<{ status: number; headers: Headers; text: string; body: Body }>
}

interface RequestOptions {
  token?: string | undefined
  body?: unknown
  headers?: Record<string, string>
}

/** A whole platform on free ports and a folder of its own. */
export async function startForTest(env: Record<string, string> = {}, folder?: string): Promise<Running> {
  const dir = folder ?? (await mkdtemp(join(tmpdir(), 'sidetone-e2e-')))
  const sidetone = await startSidetone({
    HTTP_PORT: '0',
    SIP_PORT: '0',
    SIP_WS_PORT: '0',
    RTP_PORT_MIN: '0',
    RTP_PORT_MAX: '0',
    SIDETONE_DATA_DIR: dir,
    LOG_LEVEL: 'error',
    OUTBOUND_ALLOW: '127.0.0.0/8',
    DRAIN_SECONDS: '3',
    ...env,
  })
  const url = `http://127.0.0.1:${sidetone.httpPort}`
  return {
    ...sidetone,
    url,
    folder: dir,
    async request(method, path, { token = sidetone.accesskey, body, headers = {} } = {}) {
      const response = await fetch(url + path, {
        method,
        redirect: 'manual',
        headers: {
          ...(token && { Authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, body: parse(text) as Body }
    },
    close: async () => {
      await sidetone.close()
      if (!folder) await rm(dir, { recursive: true, force: true })
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
