// Imports nothing of ours, so that the tests of every lib may use it.
interface Service {
  /** Where it is on a machine that has it. */
  url: string
  image: string
  env: Record<string, string>
  /** What its container logs when it is ready, and how often by then. */
  ready: { line: RegExp; times: number }
  /** Rejects when it is not there, or does not let us in. */
  check: (url: string) => Promise<unknown>
}

const connectTimeoutMs = 2_000

const services = {
  DATABASE_URL: {
    url: 'mysql://root@127.0.0.1:3306',
    image: 'mariadb:10.11',
    env: { MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: '1' },
    ready: { line: /ready for connections/, times: 2 },
    async check(uri) {
      const { createConnection } = await import('mysql2/promise')
      const connection = await createConnection({ uri, connectTimeout: connectTimeoutMs })
      await connection.end()
    },
  },
  RABBITMQ_URL: {
    url: 'amqp://guest:guest@127.0.0.1:5672',
    image: 'rabbitmq:3.13',
    env: {},
    ready: { line: /Server startup complete/, times: 1 },
    async check(url) {
      const { connect } = await import('amqplib')
      const connection = await connect(url, { timeout: connectTimeoutMs })
      await connection.close()
    },
  },
  REDIS_URL: {
    url: 'redis://127.0.0.1:6379',
    image: 'redis:7',
    env: {},
    ready: { line: /Ready to accept connections/, times: 1 },
    async check(url) {
      const { Redis } = await import('ioredis')
      const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: connectTimeoutMs })
      let failure: Error | undefined
      redis.on('error', (error) => {
        failure = error
      })
      try {
        await redis.connect()
        await redis.ping()
      } catch (error) {
        throw failure ?? error
      } finally {
        redis.disconnect()
      }
    },
  },
} satisfies Record<string, Service>

/**
 * Where a real service is for a test: the environment names it, or it runs on this machine at its usual port, or Docker
 * starts it. Without one the suite says in one line that it is skipped; with `SIDETONE_REQUIRE=all` that is a failure.
 */
export async function findService(setting: keyof typeof services, suite: string): Promise<string | undefined> {
  return locateService(setting, services[setting], suite)
}

/** `findService` for a service that the caller describes. */
export async function locateService(setting: string, service: Service, suite: string): Promise<string | undefined> {
  const given = process.env[setting]
  if (given) {
    await service.check(given).catch((cause: Error) => {
      throw new Error(`${setting} is set, but ${new URL(given).host} cannot be used: ${cause.message}`, { cause })
    })
    return given
  }
  const problems = []
  try {
    await service.check(service.url)
    return service.url
  } catch (error) {
    problems.push(`${new URL(service.url).host} cannot be used (${(error as Error).message})`)
  }
  try {
    return await startContainer(service)
  } catch (error) {
    problems.push(`Docker cannot start ${service.image} (${(error as Error).message})`)
  }
  const reason = `${suite}: skipped, ${setting} is not set, ${problems.join(', ')}`
  if (process.env.SIDETONE_REQUIRE === 'all') throw new Error(reason)
  console.log(reason)
  return undefined
}

/** Testcontainers removes it when the test process has ended. */
async function startContainer({ url, image, env, ready }: Service): Promise<string> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const port = Number(new URL(url).port)
  const container = await new GenericContainer(image)
    .withEnvironment(env)
    .withExposedPorts(port)
    .withWaitStrategy(Wait.forLogMessage(ready.line, ready.times))
    .start()
  const started = new URL(url)
  started.hostname = container.getHost()
  started.port = String(container.getMappedPort(port))
  return started.href
}
