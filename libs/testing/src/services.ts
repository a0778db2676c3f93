import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { GenericContainer, Wait } from 'testcontainers'

const services = {
  DATABASE_URL: {
    url: 'mysql://root@127.0.0.1:3306',
    image: 'mariadb:10.11',
    env: { MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: '1' },
    ready: Wait.forLogMessage(/ready for connections/, 2),
  },
  RABBITMQ_URL: {
    url: 'amqp://guest:guest@127.0.0.1:5672',
    image: 'rabbitmq:3.13',
    env: {},
    ready: Wait.forLogMessage(/Server startup complete/),
  },
  REDIS_URL: { url: 'redis://127.0.0.1:6379', image: 'redis:7', env: {}, ready: Wait.forListeningPorts() },
} as const
export type ServiceSetting = keyof typeof services

/**
 * Where a real service is for a test: the environment names it, or it runs on this machine at its usual port, or Docker can
 * start it. Without one the suite says in one line that it is skipped; with `SIDETONE_REQUIRE=all` that is a failure.
 */
export async function findService(setting: ServiceSetting, suite: string): Promise<string | undefined> {
  const { url } = services[setting]
  const given = process.env[setting]
  if (given) return given
  if (await answers(url)) return url
  if (existsSync('/var/run/docker.sock')) return startContainer(setting)
  const reason = `${suite}: skipped, ${setting} is not set, nothing answers at ${new URL(url).host}, and there is no Docker`
  if (process.env.SIDETONE_REQUIRE === 'all') throw new Error(reason)
  console.log(reason)
  return undefined
}

/** Testcontainers removes it when the test process has ended. */
async function startContainer(setting: ServiceSetting): Promise<string> {
  const { url, image, env, ready } = services[setting]
  const port = Number(new URL(url).port)
  const container = await new GenericContainer(image)
    .withEnvironment(env)
    .withExposedPorts(port)
    .withWaitStrategy(ready)
    .start()
  const started = new URL(url)
  started.hostname = container.getHost()
  started.port = String(container.getMappedPort(port))
  return started.href
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
