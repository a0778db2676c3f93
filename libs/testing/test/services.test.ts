import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { locateService } from '../src/services.ts'
import { startDockerDouble } from './docker-double.ts'

const setting = 'A_SERVICE_URL'
let docker: Awaited<ReturnType<typeof startDockerDouble>>
beforeAll(async () => {
  docker = await startDockerDouble({ publishedPort: 55_001 })
})
afterAll(() => docker.close())

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

/** The service is there when `usable` names its URL. Docker is the double, on a machine with and without an engine. */
function locate({ usable, env = {} }: { usable?: string; env?: Record<string, string> }) {
  for (const [name, value] of Object.entries({
    SIDETONE_REQUIRE: '',
    DOCKER_HOST: docker.url,
    TESTCONTAINERS_RYUK_DISABLED: 'true',
    ...env,
  }))
    vi.stubEnv(name, value)
  const service = {
    url: 'thing://user@127.0.0.1:7000/x',
    image: 'thing:1',
    env: { ANYONE: 'yes' },
    ready: { line: /ready/, times: 2 },
    check: async (url: string) => {
      if (url !== usable) throw new Error('no entry')
    },
  }
  return locateService(setting, service, 'the things')
}

test('a service is where the environment says; one that cannot be used there is an error', async () => {
  const given = 'thing://elsewhere:1'
  expect(await locate({ usable: given, env: { [setting]: given } })).toBe(given)
  await expect(locate({ env: { [setting]: given } })).rejects.toThrow(
    'A_SERVICE_URL is set, but elsewhere:1 cannot be used: no entry',
  )
})

test('a service that this machine runs is used', async () => {
  expect(await locate({ usable: 'thing://user@127.0.0.1:7000/x' })).toBe('thing://user@127.0.0.1:7000/x')
  expect(docker.created).toEqual([])
})

test('else Docker starts one, and it is used when it has logged that it is ready', async () => {
  docker.logs('ready for a restart', 'ready')
  expect(await locate({})).toBe('thing://user@127.0.0.1:55001/x')
  expect(docker.created).toMatchObject([{ Image: 'thing:1', Env: ['ANYONE=yes'], ExposedPorts: { '7000/tcp': {} } }])
})

test('without any, one line says why the suite is skipped; where all are required that is an error', async () => {
  docker.refuses('no space left')
  const said = vi.spyOn(console, 'log').mockImplementation(() => {})
  expect(await locate({})).toBeUndefined()
  const reason = /^the things: skipped, A_SERVICE_URL is not set, 127\.0\.0\.1:7000 .*no entry.*thing:1 .*no space left/
  expect(said.mock.calls).toEqual([[expect.stringMatching(reason)]])
  await expect(locate({ env: { SIDETONE_REQUIRE: 'all' } })).rejects.toThrow(reason)
})
