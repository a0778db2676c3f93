import { platformSettings, SettingsError } from '@sidetone/manager'
import { z } from 'zod'

/** The environment variables of a proxy in a process of its own; files go where the managers look for them. */
export const proxySettings = platformSettings
  .pick({
    HTTP_PORT: true,
    STORAGE_URL: true,
    STORAGE_ACCESS_KEY_ID: true,
    STORAGE_SECRET_ACCESS_KEY: true,
    LOG_LEVEL: true,
    DRAIN_SECONDS: true,
  })
  .extend({
    RABBITMQ_URL: z.url({ protocol: /^amqps?$/, error: 'is needed: without a broker no manager hears this proxy' }),
    STORAGE_URL: z.string({ error: 'is needed: recordings are kept there' }),
    /** `http://<user>:<password>@<host>:<port>` of the Asterisk beside this proxy. */
    ARI_URL: z.string({ error: 'is needed: http://<user>:<password>@<host>:<port> of the Asterisk' }),
    /** What managers call this node; its own entity id when absent. */
    ASTERISK_ID: z.string().optional(),
  })

/** How a node is reached, from `http://<user>:<password>@<host>:<port>`. */
export function ariAccessOf(setting: string): { ariUrl: string; user: string; password: string } {
  const url = URL.parse(setting)
  if (!url?.username || !url.password)
    throw new SettingsError('ARI_URL: must be http://<user>:<password>@<host>:<port>')
  return {
    ariUrl: `${url.origin}/ari`,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  }
}
