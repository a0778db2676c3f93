import { connect } from 'node:net'

const defaults = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306',
  RABBITMQ_URL: 'amqp://guest:guest@127.0.0.1:5672',
  REDIS_URL: 'redis://127.0.0.1:6379',
} as const
export type ServiceSetting = keyof typeof defaults

/**
 * Where a real service is for a test: the environment names it, or it runs on this machine at its usual port.
 * Without one the suite says in one line that it is skipped; with `SIDETONE_REQUIRE=all` that is a failure.
 */
export async function findService(setting: ServiceSetting, suite: string): Promise<string | undefined> {
  const url = process.env[setting] ?? defaults[setting]
  if (await answers(url)) return url
  const reason = `${suite}: skipped, ${setting} is not set and nothing answers at ${new URL(defaults[setting]).host}`
  if (process.env['SIDETONE_REQUIRE'] === 'all') throw new Error(reason)
  console.log(reason)
  return undefined
}

function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 1_000 })
    const done = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => done(true))
    socket.once('timeout', () => done(false))
    socket.once('error', () => done(false))
  })
}
